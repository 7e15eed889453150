#!/bin/sh
# A gateway with simulated collars; takes ECODUCT_DATABASE, and what ecoduct-edge takes.
set -eu
field=$(mktemp -d)
trap 'kill 0; rm -rf "$field"' EXIT
trap 'exit 0' INT TERM

ecoduct-sim herd --out "$field" --format reyax --receivers 1 --start now --speed 1 --interval-s 30 &
until [ -e "$field/ports.json" ]; do sleep 0.2; done

until ecoduct import landscape "$field/landscape.geojson"; do sleep 2; done
ecoduct import deployments "$field/deployments.csv"

python3 - "$field" >"$field/edge.toml" <<'END'
import json, sys
field = sys.argv[1]
print(f'gateway = "unnamed"\ndata_dir = "{field}/spool"')
for port in json.load(open(f"{field}/ports.json"))["ports"]:
    print(f'[[port]]\nname = "{port["name"]}"\nurl = "serial://{port["path"]}"\nformat = "reyax"')
END
mkdir "$field/spool"
printf '%s' "$GATEWAY_PASSWORD" >"$field/password"
ECODUCT_EDGE_MQTT_PASSWORD_FILE=$field/password ecoduct-edge run --settings "$field/edge.toml" &
wait $!
