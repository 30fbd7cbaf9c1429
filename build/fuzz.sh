#!/usr/bin/env bash
# Fuzzes what reads untrusted files, guided by coverage: AFL++ (Debian's package afl++) and SharpFuzz, one target after the other.
#   build/fuzz.sh [SECONDS [TARGET...]]   default: 300 seconds for each of the five targets
# Goes on from tests/Kfac.Fuzz/corpus and writes what it finds to artifacts/fuzz/out/TARGET. What it keeps, minimised, is then in
# artifacts/fuzz/kept/TARGET: copy it to the corpus to keep it. Fails where a file crashed or took ten seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
seconds=${1:-300}
targets=("${@:2}")
((${#targets[@]})) || targets=(model network checkpoint state idx)
work=$PWD/artifacts/fuzz
app=$work/app
dotnet=$(readlink -f "$(command -v dotnet)") # afl-cmin wants a path
mkdir -p "$work/tmp" "$work/out"

# The targets write small files all the time: in memory where there is such a file system.
temporary=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "$work/tmp")")
trap 'rm -rf "$temporary"' EXIT
export TMPDIR=$temporary

# The program has no instrumentation that AFL++ knows, catches its own crashes, and may run on any core.
export AFL_SKIP_BIN_CHECK=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_ALLOW_TMP=1

[[ -x $work/tool/sharpfuzz ]] || dotnet tool install --tool-path "$work/tool" SharpFuzz.CommandLine --version 2.3.0
rm -rf "$app"
dotnet publish -c Release tests/Kfac.Fuzz -o "$app"
# Seeds are written before the engine is instrumented: it runs under the fuzzer only after that. Loops of arithmetic are left out.
dotnet "$app/Kfac.Fuzz.dll" seeds "$work/seeds"
"$work/tool/sharpfuzz" "$app/Kfac.Engine.dll" Kfac.Models Kfac.Networks Kfac.Images Kfac.Training Kfac.Running Kfac.Optimizers Kfac.Curvature Kfac.StateDictionary Kfac.ImageShape

for target in "${targets[@]}"; do
  in=$work/in/$target out=$work/out/$target kept=$work/kept/$target
  rm -rf "$in" "$out" "$kept" "$work/least"
  mkdir -p "$in" "$kept"
  cp "$work/seeds/$target"/* "$in"
  if [[ -d tests/Kfac.Fuzz/corpus/$target ]]; then
    cp "tests/Kfac.Fuzz/corpus/$target"/* "$in"
  fi

  words=()
  if [[ $target == model || $target == network ]]; then
    words=(-x tests/Kfac.Fuzz/words.dict)
  fi

  afl-fuzz -V "$seconds" -t 10000 -m none "${words[@]}" -i "$in" -o "$out" -- dotnet "$app/Kfac.Fuzz.dll" "$target" >"$work/$target.log"
  grep -E '^(run_time|execs_done|corpus_count|edges_found|stability|saved_crashes|saved_hangs)' "$out/default/fuzzer_stats" | sed "s/^/$target: /"

  if grep -qE '^saved_(crashes|hangs) +: [1-9]' "$out/default/fuzzer_stats"; then
    status=1
  fi

  afl-cmin -e -t 10000 -m none -i "$out/default/queue" -o "$work/least" -- "$dotnet" "$app/Kfac.Fuzz.dll" "$target" >"$work/$target.cmin.log"
  for file in "$work/least"/* "$out/default/crashes"/id* "$out/default/hangs"/id*; do
    if [[ -f $file ]]; then
      cp "$file" "$kept/$(sha256sum "$file" | cut -c 1-16)"
    fi
  done
done

exit "$status"
