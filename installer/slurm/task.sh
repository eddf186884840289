#!/bin/bash
# One element of a job array of submit.sh: the frames that its number stands for.
#
#   task.sh STAGE FIRST LAST FRAMES_A_TASK OPTION ...
set -euo pipefail

stage=$1 first=$2 last=$3 frames=$4
shift 4
from=$((first + SLURM_ARRAY_TASK_ID * frames))
to=$((from + frames - 1 < last ? from + frames - 1 : last))
exec propainter-remove run-chunk --stage="$stage" --frames="$from-$to" --first="$first" --last="$last" "$@"
