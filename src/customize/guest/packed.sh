#!/bin/sh
unpack() {
  base64 -d | gzip -d
}
