#!/usr/bin/env bash
# Runs the benchmarks in networks made of Linux network namespaces. Needs root, iproute2 and Open MPI.
#   bash links.sh link 1gbit resnet18 64 32 8    two hosts with a link that tc slows down
#   bash links.sh traffic 25                     2 to 16 ranks on one loopback device
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

program=$(ls -d "$PWD"/tests/ResNet.Core.Distributed.Benchmarks/bin/Release/net10.0/*/ResNet.Core.Distributed.Benchmarks.dll)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=tcp,self
mpirun=$(command -v mpirun.openmpi || command -v mpirun)
one=resnet-$$-1 two=resnet-$$-2 agent=$(mktemp)
clean() {
    ip netns del "$one"
    ip netns del "$two"
    rm -f "$agent"
}
ip netns add "$one"
ip netns add "$two"
trap clean EXIT
ip -n "$one" link set lo up
ip -n "$two" link set lo up

case $1 in
link)
    rate=$2
    shift 2
    ip link add to-two netns "$one" type veth peer name to-one netns "$two"
    ip -n "$one" addr add 10.77.1.1/24 dev to-two
    ip -n "$two" addr add 10.77.1.2/24 dev to-one
    ip -n "$one" link set to-two up
    ip -n "$two" link set to-one up
    ip netns exec "$one" tc qdisc add dev to-two root tbf rate "$rate" burst 1mb latency 50ms
    ip netns exec "$two" tc qdisc add dev to-one root tbf rate "$rate" burst 1mb latency 50ms
    # Replaces ssh, since the second host is a namespace.
    printf '#!/bin/sh\nshift\nexec ip netns exec %s /bin/sh -c "$*"\n' "$two" >"$agent"
    chmod +x "$agent"
    # Without --bind-to none, both ranks would be bound to the same processor, since the two hosts share this machine's.
    ip netns exec "$one" taskset -c 0,1 "$mpirun" -np 2 --host 10.77.1.1:1,10.77.1.2:1 --bind-to none -x OMP_NUM_THREADS=1 -x TERM=dumb --mca plm_rsh_agent "$agent" \
        --mca btl_tcp_if_include 10.77.1.0/24 --mca oob_tcp_if_include 10.77.1.0/24 dotnet "$program" "$@"
    ;;
traffic)
    echo '| ranks | sent by a rank, MB | 2 (N - 1) / N, MB | most memory of a rank, MB | |'
    echo '|---|---|---|---|---|'
    for ranks in 2 3 4 8 16; do
        ip netns exec "$one" "$mpirun" -np "$ranks" --oversubscribe --bind-to none -x OMP_NUM_THREADS=1 -x TERM=dumb --mca btl_tcp_if_include lo dotnet "$program" traffic "$2" | grep '|'
    done
    ;;
esac
