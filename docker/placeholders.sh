#!/bin/sh
# Run a command under production's settings while an image is built. Nothing is asked of any of
# these addresses, none of the values is kept, and none would let a process start in earnest.
set -eu
export DJANGO_SETTINGS_MODULE=academy.settings.production
export SECRET_KEY=placeholder-of-the-build-that-no-process-ever-runs-with-00000000
export API_KEY_PEPPER=another-placeholder-of-the-build-00000000
export ALLOWED_HOSTS=build.invalid PUBLIC_BASE_URL=https://build.invalid
export DATABASE_URL='postgresql://build:build@build.invalid/build?sslmode=require'
export R2_ENDPOINT_URL=https://build.invalid
export R2_ACCESS_KEY_ID=placeholder R2_SECRET_ACCESS_KEY=placeholder
export SCRATCH_DIR=/tmp MODEL_REGISTRY='' TMPDIR=/tmp
exec "$@"
