#ami-operator: runs one step and answers with the end of its output and its exit code.
$ErrorActionPreference = 'Stop'
$nonce = '@NONCE@'
$timeout = @TIMEOUT@
$work = "$env:ProgramData\ami-operator-$nonce"
$state = "$work\@STEP@"
function Get-Text($base64) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($base64)) }

# A command that is sent again comes as another one, maybe at the same time: it waits for the first and gives its answer.
# Who ended without letting go has its answer written, or was cut short.
$first = New-Object Threading.Mutex($false, "Global\ami-operator-$nonce-@STEP@")
try { [void]$first.WaitOne() } catch { }
if (Test-Path "$state\code") {
  Get-Content "$state\told"
  exit [int](Get-Content "$state\code")
}
if (Test-Path $state) {
  'step @STEP@ was cut short: what it did is unknown'
  exit 1
}
[void](New-Item -ItemType Directory -Path $state)

# The code comes last, and as a whole: it says that the answer is complete.
function Complete-Step([int]$code, $lines) {
  $told = @($lines | Select-Object -Last 20 | ForEach-Object {
    $line = "$_"
    $line.Substring(0, [Math]::Min(200, $line.Length))
  })
  # The agent takes these codes for itself: its own timeout, a success whatever happened, the wish to restart the machine.
  if ($code -in -1, 168, 3010) {
    $told += "exit code $code"
    $code = 1
  }
  Remove-Item "$state\*" -Force -ErrorAction SilentlyContinue
  [IO.File]::WriteAllLines("$state\told", [string[]]$told)
  [IO.File]::WriteAllText("$state\new", "$code")
  Move-Item "$state\new" "$state\code"
  $told
  exit $code
}
