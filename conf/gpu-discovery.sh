#!/usr/bin/env bash
# Tells Spark which GPUs an executor has (spark.executor.resource.gpu.discoveryScript). Where
# CUDA_VISIBLE_DEVICES is set, its entries are the addresses, otherwise the driver's numbers.
set -euo pipefail
if [[ -n "${CUDA_VISIBLE_DEVICES:-}" ]]; then
  IFS=', ' read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
else
  if ! listed="$(nvidia-smi --query-gpu=index --format=csv,noheader)" || [[ -z "$listed" ]]; then
    echo "gpu-discovery.sh: nvidia-smi lists no GPU: install the NVIDIA driver on $(uname -n)," \
      "or set CUDA_VISIBLE_DEVICES" >&2
    exit 1
  fi
  mapfile -t gpus <<<"$listed"
fi
quoted=()
for gpu in "${gpus[@]}"; do
  quoted+=("\"$gpu\"")
done
(
  IFS=,
  echo "{\"name\": \"gpu\", \"addresses\": [${quoted[*]}]}"
)
