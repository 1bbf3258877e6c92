# EC2Launch then takes the next boot for the first one of an instance.
$launch = "$env:ProgramFiles\Amazon\EC2Launch\EC2Launch.exe"
if (Test-Path $launch) {
  & $launch reset --clean | Out-Null
  if ($LASTEXITCODE -ne 0) { "EC2Launch reset failed with exit code $LASTEXITCODE"; exit 1 }
  'cleaned state of the launch agent'
}
$temporary = Get-ChildItem "$env:SystemRoot\Temp", "$env:SystemDrive\Users\*\AppData\Local\Temp" -Force
if ($temporary) {
  $temporary | Remove-Item -Recurse -Force
  'cleaned temporary files'
}
$logs = Get-WinEvent -ListLog * -Force | Where-Object { $_.RecordCount -gt 0 }
if ($logs) {
  $logs | ForEach-Object { wevtutil.exe clear-log $_.LogName 2>$null }
  'cleaned event logs'
}
