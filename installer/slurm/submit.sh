#!/bin/bash
# Send a removal to Slurm: one job array a stage, each after the one before, at last a merge. Prints the merge's job number.
#
#   submit.sh FIRST LAST [SBATCH OPTION ...] -- REMOVAL OPTION ... [-- MERGE OPTION ...]
#
#   submit.sh 1001 1240 --partition=gpu --gres=gpu:1 -- --plate=/shots/plate --matte=/shots/matte --output=/shots/clean \
#     --cache-dir=/shots/cache --engine=propainter --device=cuda -- --report=/shots/clean.json --contact-sheet=/shots/sheet.png
#
# Every node needs propainter-remove on its PATH and sees the folders by the same absolute names. A task whose node dies is
# requeued and computes only what is not in the cache yet. Frames a task, in the environment: FLOW_FRAMES (40), CHUNK_FRAMES
# (80; shorter than --chunk-length leaves some without work), PAINT_FRAMES (40; windows at the seams are painted twice).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
  exit 2
}

number='^-?[0-9]+$'
[[ $# -ge 3 && $1 =~ $number && $2 =~ $number && $1 -le $2 ]] || usage
first=$1 last=$2
shift 2

sbatch_options=() removal=() merge=()
while [[ $# -gt 0 && $1 != -- ]]; do sbatch_options+=("$1"); shift; done
[[ $# -gt 1 ]] || usage
shift
while [[ $# -gt 0 && $1 != -- ]]; do removal+=("$1"); shift; done
merge=("${@:2}")

previous=
send() { # STAGE FRAMES_A_TASK OPTION ...
  local stage=$1 frames=$2
  shift 2
  previous=$(sbatch --parsable --requeue --open-mode=append --kill-on-invalid-dep=yes --job-name="propainter-$stage" \
    --array="0-$(((last - first) / frames))" ${previous:+--dependency="afterok:$previous"} "${sbatch_options[@]}" \
    "$here/task.sh" "$stage" "$first" "$last" "$frames" "$@")
  previous=${previous%%;*} # JOB;CLUSTER
}

send flow "${FLOW_FRAMES:-40}" "${removal[@]}"
send completion "${CHUNK_FRAMES:-80}" "${removal[@]}"
send propagation "${CHUNK_FRAMES:-80}" "${removal[@]}"
send painting "${PAINT_FRAMES:-40}" "${removal[@]}"
send merge "$((last - first + 1))" "${removal[@]}" "${merge[@]}"
echo "$previous"
