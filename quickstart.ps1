# From a fresh checkout to a first song on Windows:  .\quickstart.ps1 song
# (If scripts are blocked: powershell -ExecutionPolicy Bypass -File quickstart.ps1 song)
# This file was written from Python's and PowerShell's documentation; it was never run on a Windows machine.
param([string]$Command = "help")

$ErrorActionPreference = "Stop"
Set-Location $PSScriptRoot
$Venv = Join-Path $PSScriptRoot ".venv"
$Python = Join-Path $Venv "Scripts\python.exe"
$Songbloom = Join-Path $Venv "Scripts\songbloom.exe"

function Fail([string]$Message) {
    Write-Error "quickstart: $Message" -ErrorAction Continue
    exit 1
}

function Show-Usage {
    @"
usage: .\quickstart.ps1 COMMAND

  song     install what is needed into .venv and make output\first-song.flac
  own      write your own song, question by question
  studio   the web page at http://127.0.0.1:8000
  server   the HTTP API and the page, with the settings of config.yaml
  doctor   examine the installation and the machine
  help     show this

Environment:
  PYTHON                 the Python to build .venv with (3.10 or newer; default: py -3, else python)
  SONGBLOOM_TORCH_INDEX  an extra package index to take PyTorch from
"@
}

function Find-Python {
    if ($env:PYTHON) { return @($env:PYTHON) }
    if (Get-Command py -ErrorAction SilentlyContinue) { return @("py", "-3") }
    if (Get-Command python -ErrorAction SilentlyContinue) { return @("python") }
    Fail "Python was not found: install Python 3.10 or newer from python.org, or set PYTHON"
}

function Install-Extras([string]$Stamp, [string]$Extras) {
    $mark = Join-Path $Venv "$Stamp.installed"
    $parts = @("pyproject.toml", "constraints.txt", "quickstart.ps1") | ForEach-Object { (Get-FileHash $_).Hash }
    $wanted = "$Extras $($parts -join ' ')"
    if ((Test-Path $Python) -and (Test-Path $mark) -and ((Get-Content $mark) -eq $wanted)) { return }
    if (-not (Test-Path $Python)) {
        $found = @(Find-Python)
        $rest = @($found | Select-Object -Skip 1)
        & $found[0] @rest -c "import sys; sys.exit(sys.version_info < (3, 10))"
        if ($LASTEXITCODE -ne 0) { Fail "this Python is too old: 3.10 or newer is needed (set PYTHON to one)" }
        & $found[0] @rest -m venv --clear $Venv
        if ($LASTEXITCODE -ne 0) { Fail "the virtual environment could not be made" }
    }
    Write-Output "Installing into .venv (the first time takes some minutes)"
    $options = @("--disable-pip-version-check", "--constraint", "constraints.txt")
    if ($env:SONGBLOOM_TORCH_INDEX) { $options += @("--extra-index-url", $env:SONGBLOOM_TORCH_INDEX) }
    & $Python -m pip install @options --editable ".[$Extras]"
    if ($LASTEXITCODE -ne 0) { Fail "the installation failed; pip's reason is above" }
    Set-Content -Path $mark -Value $wanted
}

switch ($Command) {
    "song" {
        Install-Extras "song" "zh"
        & $Songbloom generate --lyrics "@examples\first-song.txt" --style soul-cora --title "First song" `
            --out "output\first-song.flac"
        if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
        Write-Output "Your first song: $(Join-Path $PSScriptRoot 'output\first-song.flac')"
    }
    "own" { Install-Extras "song" "zh"; & $Songbloom new }
    "studio" { Install-Extras "studio" "zh,ui,server"; & $Songbloom ui }
    "server" { Install-Extras "studio" "zh,ui,server"; & $Songbloom serve }
    "doctor" { Install-Extras "song" "zh"; & $Songbloom doctor }
    "help" { Show-Usage; exit 0 }
    default { Show-Usage; Fail "unknown command '$Command'" }
}
exit $LASTEXITCODE
