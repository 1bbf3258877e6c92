# Without a mark at its start, Windows PowerShell takes a program for one in the system's code page.
$bytes = [Convert]::FromBase64String($content)
$marks = @('EF-BB-BF', 'FF-FE', 'FE-FF')
$start = [BitConverter]::ToString($bytes, 0, [Math]::Min(3, $bytes.Length))
$marked = $marks | Where-Object { $start.StartsWith($_) }
$file = [IO.File]::Create("$state\step.ps1")
if (-not $marked) { $file.Write([byte[]](0xEF, 0xBB, 0xBF), 0, 3) }
$file.Write($bytes, 0, $bytes.Length)
$file.Close()

$arguments = "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$state\step.ps1`""
try {
  $process = Start-Process powershell.exe $arguments -WorkingDirectory $directory -NoNewWindow -PassThru `
    -RedirectStandardOutput "$state\output" -RedirectStandardError "$state\errors"
} catch {
  Complete-Step 1 $_
}
# The exit code is lost unless somebody holds the process.
[void]$process.Handle
if ($process.WaitForExit($timeout * 1000)) {
  $process.WaitForExit()
  $code = $process.ExitCode
} else {
  taskkill.exe /T /F /PID $process.Id | Out-Null
  $process.WaitForExit()
  $code = 124
}
Complete-Step $code @(Get-Content "$state\output", "$state\errors" -ErrorAction SilentlyContinue)
