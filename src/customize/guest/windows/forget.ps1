#ami-operator: removes what the steps have left.
# What is in use stays, and is no reason to fail.
$ErrorActionPreference = 'SilentlyContinue'
Remove-Item "$env:ProgramData\ami-operator-@NONCE@" -Recurse -Force
