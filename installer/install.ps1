# Installs ProPainter Remove from the release folder this file lies in. Needs Python 3.10 or newer, nothing else.
#
#     powershell -ExecutionPolicy Bypass -File install.ps1                installs, or brings up to date; asks first
#     powershell -ExecutionPolicy Bypass -File install.ps1 --pin HEX      the same, if SHA256SUMS has this SHA-256
#     powershell -ExecutionPolicy Bypass -File install.ps1 --dry-run      says what would be done
#     powershell -ExecutionPolicy Bypass -File install.ps1 --uninstall    takes everything away again
#
# $env:PYTHON chooses the Python. Written with care, and not run on Windows by us yet.
$ErrorActionPreference = 'Stop'

function Fail($sentence) {
    [Console]::Error.WriteLine("install.ps1: $sentence")
    exit 2
}

# Windows PowerShell 5 takes a word on stderr for an error of ours, and the Store's stand-in for Python says one.
function Test-Python([string[]] $command) {
    if (-not (Get-Command $command[0] -ErrorAction SilentlyContinue)) { return $false }
    $ErrorActionPreference = 'SilentlyContinue'
    $rest = @($command | Select-Object -Skip 1)
    $global:LASTEXITCODE = 1  # stays, should it not start at all
    & $command[0] @rest -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>$null | Out-Null
    return $LASTEXITCODE -eq 0
}

$python = $null
if ($env:PYTHON) {
    if (-not (Test-Python @($env:PYTHON))) { Fail "PYTHON=$env:PYTHON is no Python 3.10 or newer" }
    $python = @($env:PYTHON)
} else {
    foreach ($candidate in @(@('py', '-3'), @('python3'), @('python'))) {
        if (Test-Python $candidate) { $python = @($candidate); break }
    }
}
if (-not $python) { Fail 'no Python 3.10 or newer was found; install one from python.org, or name it in $env:PYTHON' }

# -LiteralPath: brackets in a folder's name are no pattern.
$wheels = @(Get-ChildItem -LiteralPath $PSScriptRoot -Filter 'propainter_remove-*.whl')
if ($wheels.Count -ne 1) { Fail "$PSScriptRoot should hold one propainter_remove wheel and holds $($wheels.Count); unpack the release into a folder of its own" }
$wheel = $wheels[0]
$sums = Join-Path $PSScriptRoot 'SHA256SUMS'
if (-not (Test-Path -LiteralPath $sums)) { Fail "$PSScriptRoot holds no SHA256SUMS; unpack the whole release into one folder" }
for ($i = 0; $i -lt $args.Count; $i++) {
    $pin = $null
    if ($args[$i] -eq '--pin' -and $i + 1 -lt $args.Count) { $pin = $args[$i + 1] }
    if ($args[$i] -like '--pin=*') { $pin = $args[$i].Substring(6) }
    if ($pin -and (Get-FileHash -Algorithm SHA256 -LiteralPath $sums).Hash -ne $pin) {
        Fail "SHA256SUMS in $PSScriptRoot is not the one that was pinned; nothing of this release was used"
    }
}
$digest = (Get-FileHash -Algorithm SHA256 -LiteralPath $wheel.FullName).Hash.ToLower()
if (@(Get-Content -LiteralPath $sums) -notcontains "$digest  $($wheel.Name)") { Fail "$($wheel.Name) is not what SHA256SUMS says; download the release again" }

$program = 'import sys; sys.path.insert(0, sys.argv.pop(1)); from propainter_install.__main__ import main; sys.exit(main())'
$rest = @($python | Select-Object -Skip 1)
& $python[0] @rest -I -c $program $wheel.FullName --release $PSScriptRoot @args
exit $LASTEXITCODE
