#ami-operator: restarts this machine.
$ErrorActionPreference = 'Stop'
$state = "$env:ProgramData\ami-operator-@NONCE@\@STEP@"
