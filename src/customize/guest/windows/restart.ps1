# The agent restarts the machine when a command ends with 3010, and then runs the same command again.
# Source: Systems Manager user guide, "Handling reboots when running commands".
[void](New-Item -ItemType Directory -Path $state -Force)
$boot = (Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime()
if ((Get-Item $state).CreationTimeUtc -lt $boot) { exit 0 }
exit 3010
