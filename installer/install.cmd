@echo off
rem Double click: runs install.ps1 beside this file, and keeps the window open so that you can read what it says.
setlocal
if not exist "%~dp0install.ps1" (
    echo install.cmd: install.ps1 does not lie beside this file; unpack the whole archive first, then start it from there
    pause
    exit /b 2
)
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0install.ps1" %*
set result=%ERRORLEVEL%
if "%~1"=="" pause
exit /b %result%
