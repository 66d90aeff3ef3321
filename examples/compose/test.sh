#!/bin/sh
# Builds and starts the services of compose.yaml; ends as `test` ends, and leaves nothing behind.
set -eu
trap 'docker compose down --volumes --rmi local --timeout 0' EXIT
docker compose up --build --exit-code-from test
