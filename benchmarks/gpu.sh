#!/usr/bin/env bash
# The measurements that need an NVIDIA GPU, as parts of less than ten minutes each. A part whose file exists is not run
# again: start it as often as it takes. Results are JSON files beside this script, to be committed.
#
#   benchmarks/gpu.sh            all parts that are missing
#   benchmarks/gpu.sh single     one part: single, peer, batched, memory, offload, attention,
#                                quality
#
# The peer's environment (for the part peer): songbloom bench --setup-peer DIR, then SONGBLOOM_PEER_PYTHON=DIR/bin/python
set -euo pipefail
cd "$(dirname "$0")/.."
bench=(python -m songbloom_x2 bench --size full --device cuda --json)

part() {
    local name=$1 file=benchmarks/gpu-$1.json
    shift
    if [ -s "$file" ]; then
        echo "$name: measured already ($file)"
        return
    fi
    echo "$name ..."
    timeout 600 "$@" >"$file.part"
    mv "$file.part" "$file"
}

single() { part single "${bench[@]}" --seconds 30.08 --runs 3 --configs standard_bf16,optimized_bf16,fast; }
peer() {
    : "${SONGBLOOM_PEER_PYTHON:?says where the Python of the environment of the peer lies}"
    part peer "${bench[@]}" --seconds 30.08 --runs 1 --against peer --configs optimized_bf16,fast
}
batched() { part batched "${bench[@]}" --seconds 30.08 --runs 1 --songs 32 --configs optimized_bf16,fast; }
memory() { part memory "${bench[@]}" --seconds 10.24 --runs 3 --configs baseline_fp32,memory_int8,ultra_memory_int8,int4; }
offload() { part offload "${bench[@]}" --seconds 5.12 --runs 1 --configs "precision=bfloat16,offload=stage"; }
attention() { part attention "${bench[@]}" --seconds 10.24 --runs 3 --configs "precision=bfloat16,attention=flash_attn"; }
quality() { part quality "${bench[@]}" --quality --configs optimized_bf16,memory_int8,int4; }

if [ $# -eq 0 ]; then set -- single peer batched memory offload attention quality; fi
for name in "$@"; do
    case $name in
        single | peer | batched | memory | offload | attention | quality) "$name" ;;
        *) echo "gpu.sh: no part '$name'" >&2; exit 2 ;;
    esac
done
