#!/bin/sh
# Checks `core` on this machine's graphics card, without a network: parity with the CPU, seconds a step, peak memory,
# and PyTorch's beside them where python3 has torch. Prints Markdown. `cargo xtask gpu-bundle` packs what it needs.
#
#   check.sh [FOLDER]    FOLDER holds `core`; by default the folder of this script
#
# On a machine without an NVIDIA card the networks are small, so that drivers in software take minutes as well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
core=$(cd "${1:-$here}" && pwd)/core
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

if nvidia-smi >/dev/null 2>&1; then
  card=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | head -1)
  patience=150 devices="cuda wgpu" size=paper patch=96,96,96 voxels=100,110 steps=8 networks="unetr swin-unetr" precisions="off bf16"
else
  card="no NVIDIA card"
  patience=450 devices="wgpu" size=tiny patch=16,16,32 voxels=36,40 steps=3 networks="unetr" precisions="off"
fi
echo "# $("$core" --version) on $card"
echo

echo "## Parity with the CPU"
echo
for device in $devices; do
  if timeout "$patience" "$core" verify --device "$device" >"$work/verify" 2>&1; then
    verdict="agrees"
  else
    verdict="DOES NOT AGREE" failed=1
  fi
  sed 's/^/    /' "$work/verify"
  echo
  echo "$device: $verdict"
  echo
done

# Waits for process $1, which is ended after $2 seconds, and prints the memory that it has on the card, else in this
# machine, in MiB: the most of what is seen.
watch() {
  most=0 end=$(($(date +%s) + $2))
  # A process that has ended stays as a zombie until its parent asks for it.
  while grep -q '^State:.[^Z]' "/proc/$1/status" 2>/dev/null; do
    [ "$(date +%s)" -gt "$end" ] && kill "$1"
    if [ "$card" = "no NVIDIA card" ]; then
      now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null)
      now=$((${now:-0} / 1024))
    else
      now=$(nvidia-smi --query-compute-apps=pid,used_memory --format=csv,noheader,nounits 2>/dev/null |
        sed -n "s/^$1, *//p" | head -1)
      # Processes of containers are not listed: then the card's.
      now=${now:-$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits | head -1)}
    fi
    [ "${now:-0}" -gt "$most" ] 2>/dev/null && most=$now
    sleep 0.2
  done
  echo "$most"
}

# The middle one of the numbers that are read.
median() { sort -g | awk '{ n[NR] = $1 } END { if (NR) printf "%.3f", n[int((NR + 1) / 2)] }'; }

# A row of the table: name, seconds of the first step, of a later one, steps a second, memory.
row() { echo "| $1 | ${2:-–} | ${3:-–} | $(echo "${3:-0}" | awk '$1 { printf "%.2f", 1 / $1 }') | ${4:-–} |"; }

echo "## Training steps, patch $patch, batch 1"
echo
echo "| | first step, s | step, s | steps a second | peak memory, MiB |"
echo "|---|---|---|---|---|"
"$core" phantom --quiet --out "$work/phantom" --cases 2 --unlabeled 0 --voxels "$voxels" || exit 1
for network in $networks; do
  for method in off paper; do
    for precision in $precisions; do
      for device in $devices; do
        printf 'mixed_precision = "%s"\ncheckpoint_every = 1000\n' "$precision" >"$work/config.toml"
        "$core" train --quiet --data "$work/phantom" --out "$work/run" --force --device "$device" \
          --backbone "$network" --size "$size" --patch "$patch" --batch-size 1 --iterations "$steps" \
          --medcontext "$method" --config "$work/config.toml" >"$work/train" 2>&1 &
        memory=$(watch $! 60)
        seconds=$(sed -n 's/^{"event":"step".*"seconds":\([0-9.e-]*\),"loading.*/\1/p' "$work/run/log.jsonl" 2>/dev/null)
        name="$device, $network $size, MedContext $method, mixed precision $precision"
        row "$name" "$(echo "$seconds" | head -1 | median)" "$(echo "$seconds" | tail -n +2 | median)" "$memory"
        if [ "$(echo "$seconds" | grep -c .)" -lt "$steps" ]; then
          # WebGPU has no bfloat16, and says so.
          grep -q "does not compute in" "$work/train" || { failed=1 && sed 's/^/    /' "$work/train"; }
        fi
        rm -rf "$work/run"
      done
    done
  done
done

if python3 -c 'import torch' 2>/dev/null; then
  timeout 240 python3 "$here/torch_step.py" --size "$size" --patch "$patch" --steps "$steps"
else
  echo "| PyTorch: python3 has no torch | | | | |"
fi
echo

chromium=$(command -v "$here/chromium" || true)
if [ -n "$chromium" ] && command -v node >/dev/null && [ -d "$here/page" ]; then
  echo "## In the browser"
  echo
  (cd "$here/page" && CHROME=$chromium MEDCONTEXT_CORE=$core timeout 180 node --test tests/browser/webgpu.test.mjs) ||
    failed=1
fi
[ "$failed" = 0 ] && echo "All checks passed." || echo "SOME CHECKS FAILED."
exit "$failed"
