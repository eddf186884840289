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

$python = $null
$candidates = @(@($env:PYTHON), @('py', '-3'), @('python3'), @('python'))
foreach ($candidate in $candidates) {
    if (-not $candidate[0] -or -not (Get-Command $candidate[0] -ErrorAction SilentlyContinue)) { continue }
    $rest = @($candidate | Select-Object -Skip 1)
    & $candidate[0] @rest -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>$null
    if ($LASTEXITCODE -eq 0) { $python = $candidate; break }
}
if (-not $python) { Fail 'no Python 3.10 or newer was found; install one from python.org, or name it in $env:PYTHON' }

$wheels = @(Get-ChildItem -Path $PSScriptRoot -Filter 'propainter_remove-*.whl')
if ($wheels.Count -ne 1) { Fail "$PSScriptRoot should hold one propainter_remove wheel and holds $($wheels.Count); unpack the release into a folder of its own" }
$wheel = $wheels[0]
$digest = (Get-FileHash -Algorithm SHA256 $wheel.FullName).Hash.ToLower()
for ($i = 0; $i -lt $args.Count; $i++) {
    $pin = $null
    if ($args[$i] -eq '--pin' -and $i + 1 -lt $args.Count) { $pin = $args[$i + 1] }
    if ($args[$i] -like '--pin=*') { $pin = $args[$i].Substring(6) }
    if ($pin -and (Get-FileHash -Algorithm SHA256 (Join-Path $PSScriptRoot 'SHA256SUMS')).Hash -ne $pin) {
        Fail "SHA256SUMS in $PSScriptRoot is not the one that was pinned; nothing of this release was used"
    }
}
$sums = Get-Content (Join-Path $PSScriptRoot 'SHA256SUMS')
if ($sums -notcontains "$digest  $($wheel.Name)") { Fail "$($wheel.Name) is not what SHA256SUMS says; download the release again" }

$program = 'import sys; sys.path.insert(0, sys.argv.pop(1)); from propainter_install.__main__ import main; sys.exit(main())'
$rest = @($python | Select-Object -Skip 1)
& $python[0] @rest -I -c $program $wheel.FullName --release $PSScriptRoot @args
exit $LASTEXITCODE
