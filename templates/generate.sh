#!/bin/sh
# Compiles the layouts, mail/*.mjml, to mail/*.html with the version of MJML that
# mjml/package-lock.json names. Only who changes the layout runs it, with node
# and npm at hand; the same input gives the same bytes.
#
# The lock holds no addresses, so any npm registry will do. After a new version
# of MJML, take them out again: the keys "resolved" and "funding", and what else holds
# the name of a host.
set -eu
cd "$(dirname "$0")"
npm --prefix mjml ci --silent --ignore-scripts
for layout in layout campaign; do
    mjml/node_modules/.bin/mjml --config.validationLevel strict "mail/$layout.mjml" --output "mail/$layout.html"
done
