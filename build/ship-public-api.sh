#!/usr/bin/env bash
# Brings the lists of the public surface up to date: adds what is new, drops what is gone. Read the difference before you commit it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for project in Kfac Kfac.Mpi MLNetKfac.ModelIO MLNetKfac; do
  list=src/$project/PublicAPI.Shipped.txt
  echo '#nullable enable' >"$list"
  dotnet format analyzers "src/$project" --diagnostics RS0016 --severity warn
  unshipped=src/$project/PublicAPI.Unshipped.txt
  { echo '#nullable enable'; tail -q -n +2 "$list" "$unshipped" | sed 's/\r$//' | LC_ALL=C sort; } >"$list.new"
  mv "$list.new" "$list"
  echo '#nullable enable' >"$unshipped"
done
