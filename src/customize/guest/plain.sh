#!/bin/sh
# The content of a step, which stands on standard input.
unpack() {
  base64 -d
}
