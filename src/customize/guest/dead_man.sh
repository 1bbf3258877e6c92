#cloud-boothook
#!/bin/sh
#ami-operator: powers this machine off if nobody else has.
{
  sleep @SECONDS@
  sync
  systemctl poweroff || poweroff || shutdown -h now
  sleep 60
  echo o >/proc/sysrq-trigger
} </dev/null >/dev/null 2>&1 &
