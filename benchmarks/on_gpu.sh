#!/usr/bin/env bash
# All that needs an NVIDIA GPU: the tests on it, the sanitizer, the epilogues of cuBLASLt, and the benchmarks with their peers.
#
#     benchmarks/on_gpu.sh FOLDER [--data-dir MNIST] [--seconds N] [--only 'PART …']    run it; FOLDER is new or empty
#     benchmarks/on_gpu.sh --list                                     the parts and their limits; nothing is run
#
# FOLDER gets a log of each part, the records of the benchmarks (JSON), summary.json and summary.md.  All parts together take
# at most 530 s, or N; each has a limit of its own, and one that fails or is too slow does not stop the others.  With --only
# just these parts run, each for as long as is left.  dlcore itself need not be installed.  Exit codes: 0 all parts passed, 1 some did not or there is no GPU, 2 wrong usage.
set -uo pipefail

usage() {
    printf 'on_gpu.sh: %s\nusage: benchmarks/on_gpu.sh FOLDER [--data-dir MNIST] [--seconds N] [--only 'PART …'] | --list\n' "$1" >&2
    exit 2
}

folder='' data='' total=530 list='' only=''
while (($#)); do
    case $1 in
        --list) list=yes ;;
        --data-dir) data=${2:-}; [[ -d $data ]] || usage "--data-dir '$data' is no folder"; data=$(realpath "$data"); shift ;;
        --seconds) total=${2:-}; [[ $total =~ ^[1-9][0-9]*$ ]] || usage "--seconds '$total', expected a positive integer"; shift ;;
        --only) only=${2:-}; [[ $only ]] || usage "--only '', expected names of parts"; shift ;;
        -*) usage "unknown option $1" ;;
        *) [[ -z $folder ]] || usage "one folder, got '$folder' and '$1'"; folder=$1 ;;
    esac
    shift
done
if [[ -z $list ]]; then
    [[ -n $folder ]] || usage 'no folder was given'
    mkdir -p "$folder" 2>/dev/null || usage "'$folder' cannot be made"
    [[ -w $folder && -z $(ls -A "$folder") ]] || usage "'$folder' is not empty, or cannot be written to"
    folder=$(realpath "$folder")
else
    folder=FOLDER
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root/benchmarks"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
python=$(command -v python || command -v python3) || { echo 'there is no python on the PATH' >&2; exit 1; }

# -- what is there ---------------------------------------------------------------------------------------------------

missing() { # missing MODULE…: those that cannot be found
    "$python" -c 'import importlib.util, sys
print(*(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None))' "$@"
}

absent='' # why nothing can be run
if needed=$(missing numpy array_api_compat safetensors rich threadpoolctl tomli_w pytest cupy); [[ -n $needed ]]; then
    absent="needed and not installed: $needed (from the clone: pip install \".[cuda13,test,bench]\", cuda12 for such a driver)"
else
    absent=$("$python" -c 'from dlcore.backends.backend import Backend
from dlcore.errors import DeviceError
try:
    Backend.for_device("cuda")
except DeviceError as error:
    print(error)') || absent='dlcore cannot be imported'
fi
optional=$(missing nvmath ml_dtypes torch jax)

# -- parts -----------------------------------------------------------------------------------------------------------

start=$SECONDS failed=0 entries='' rows=''

note() { # note NAME OUTCOME SECONDS: into both summaries
    entries+="${entries:+,
 }{\"part\": \"$1\", \"outcome\": \"$2\", \"seconds\": $3}"
    rows+="| $1 | $2 | $3 s |
"
    printf '%-14s %s (%d s)\n' "$1" "$2" "$3"
    [[ $2 == passed || $2 == 'left out'* ]] || failed=1
}

part() { # part NAME LIMIT COMMAND…
    local name=$1 limit=$2 left=$((total - SECONDS + start)) began=$SECONDS code=0
    shift 2
    if [[ $only ]]; then
        [[ " $only " == *" $name "* ]] || return 0
        limit=$total
    fi
    if [[ -n $list ]]; then
        printf '%-14s at most %3d s   %s\n' "$name" "$limit" "${*//"$python"/python}"
        return
    fi
    ((left > 0)) || { note "$name" 'no time was left' 0; return; }
    ((limit < left)) || limit=$left
    # an interrupt, so that a benchmark ends its contestants; it keeps what it has measured
    timeout --signal=INT --kill-after=10 "$limit" "$@" >"$folder/$name.log" 2>&1 </dev/null || code=$?
    case $code in
        0) note "$name" passed $((SECONDS - began)) ;;
        124 | 137) note "$name" "stopped after its $limit s" $((SECONDS - began)) ;;
        *) note "$name" "FAILED with exit code $code" $((SECONDS - began)) ;;
    esac
}

benchmark() { # benchmark NAME LIMIT ARGUMENT…
    local name=$1 limit=$2
    shift 2
    part "$name" "$limit" "$python" "$name.py" --device cuda --json "$folder/$name.json" "$@"
}

tests() { # the words that start pytest on a GPU; -o: without what pyproject.toml adds, which needs pytest-xdist; -W: a warning
    # of the libraries there, whose versions are not ours, fails no test
    words=("$python" -m pytest -q -p no:cacheprovider -o addopts= -W default --rootdir "$root" "$root/tests/kernels/cuda/test_gpu.py" -m gpu "$@")
}

peers=(dlcore 'dlcore TF32' 'dlcore bf16' 'bare products, cuBLASLt' 'bare products, cuBLASLt TF32'
    'bare products, cuBLASLt bf16' 'torch eager' 'torch compile'
    'torch graph' 'torch graph medium' 'torch bf16' 'jax jit' 'jax scan')

run_parts() {
    part info 15 "$python" -m dlcore info
    part epilogues 20 "$python" probe_epilogues.py --json "$folder/epilogues.json"
    tests -rfs --durations=10 --junitxml "$folder/tests.xml"
    part tests 100 "${words[@]}"
    benchmark time_step 50 --seconds 0.1
    local network # a record each, so that one that takes too long does not take the others along
    for network in 3 5 6; do
        part "time_peers_$network" 80 "$python" time_peers.py --device cuda --json "$folder/time_peers_$network.json" \
            --networks "$network" --seconds 0.1 --only "${peers[@]}"
    done
    benchmark time_kernels 30
    if [[ -n $data ]]; then benchmark time_to_accuracy 60 --data-dir "$data"; fi
    part devices 30 "$python" devices.py --json "$folder/devices.json" --widths 256 1024 4096 --batches 128 1024 8192 \
        --seconds 0.05 --limit 0.3
    local sanitizer
    sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -1)
    if [[ -n $sanitizer || -n $list ]]; then
        tests -k 'sixteen_bits and not bfloat16 and (gather or relu or norm or adam or softmax)' # each is 20 times as slow
        part memcheck 25 "${sanitizer:-compute-sanitizer}" --tool memcheck --error-exitcode 9 "${words[@]}"
        part racecheck 20 "${sanitizer:-compute-sanitizer}" --tool racecheck --error-exitcode 9 "${words[@]}"
    elif [[ -z $only ]]; then
        note memcheck 'left out: compute-sanitizer is not installed' 0
    fi
}

if [[ -n $list ]]; then
    run_parts
    [[ -z $absent ]] || printf '\nHere nothing of it can be run: %s\n' "$absent"
    [[ -z $optional ]] || printf '\nNot installed, so left out or slower: %s\n' "$optional"
    exit 0
fi
if [[ -n $absent ]]; then
    printf 'nothing was run: %s\n' "$absent" >&2
    rmdir "$folder"
    exit 1
fi
[[ -z $optional ]] || printf 'not installed, so left out or slower: %s\n' "$optional" | tee "$folder/missing.log"
command -v nvidia-smi >/dev/null && nvidia-smi >"$folder/nvidia-smi.log" 2>&1
"$python" -m pip list --format=freeze >"$folder/packages.log" 2>&1
run_parts
if [[ -z $entries ]]; then
    rm -r "$folder"
    usage "--only '$only' names no part"
fi

# -- summary ---------------------------------------------------------------------------------------------------------

rm -f "$folder"/.dlcore-* # records that were being written
printf '[%s]\n' "$entries" >"$folder/summary.json"
{
    printf '| part | outcome | time |\n|---|---|---|\n%s' "$rows"
    for log in epilogues tests time_step time_peers_{3,5,6} time_kernels time_to_accuracy devices; do
        [[ ! -s $folder/$log.log ]] || printf '\n## %s\n\n%s\n' "$log" "$(tail -n 60 "$folder/$log.log")"
    done
} >"$folder/summary.md"
printf '%d s in all; %s\n' $((SECONDS - start)) "$folder/summary.md"
exit $failed
