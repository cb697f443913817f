#!/bin/sh
# Start one replica of the service: sh deploy.sh waitress-serve --call shop:create_app
#
# Every replica may run this at the same moment: migrations/env.py lets one migrate, and the others find nothing to do.
# It is for revisions that the release still serving can live with, which is what the gate and the review are for. A
# revision that says "run it when no process of the release before is left" belongs to the deploy after that.
#
# Not for going back: a release knows no revision that came after it, so `flask db upgrade` fails. To serve with an
# earlier release, on the schema as it is, run its COMMAND alone.
set -eu
: "${DATABASE_URL:?must name the database}"
export FLASK_APP=shop

flask db upgrade    # on failure the replica does not start, and the release before goes on serving
flask schema check  # the database is what this release was tested with

exec "$@"
