# Windows PowerShell cannot replace a file in one go; nobody sees half of one even so.
$temporary = "$path.ami-operator-$nonce"
try {
  if (Test-Path -LiteralPath $path -PathType Container) { throw "$path is a directory" }
  [void][IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))
  [IO.File]::WriteAllBytes($temporary, [Convert]::FromBase64String($content))
  Move-Item -LiteralPath $temporary -Destination $path -Force
} catch {
  Remove-Item -LiteralPath $temporary -Force -ErrorAction SilentlyContinue
  Complete-Step 1 $_
}
Complete-Step 0
