@echo off
rem Double click: runs install.ps1 beside this file, and keeps the window open so that you can read what it says.
powershell -NoProfile -ExecutionPolicy Bypass -File "%~dp0install.ps1" %*
set result=%ERRORLEVEL%
if "%~1"=="" pause
exit /b %result%
