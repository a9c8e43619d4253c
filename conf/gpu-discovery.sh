#!/usr/bin/env bash
# Tells Spark which GPUs an executor has (spark.executor.resource.gpu.discoveryScript). Where
# CUDA_VISIBLE_DEVICES is set, its entries are the addresses, otherwise the driver's numbers.
set -euo pipefail
if [[ -n "${CUDA_VISIBLE_DEVICES:-}" ]]; then
  IFS=', ' read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
else
  mapfile -t gpus < <(nvidia-smi --query-gpu=index --format=csv,noheader)
fi
quoted=()
for gpu in "${gpus[@]}"; do
  quoted+=("\"$gpu\"")
done
(
  IFS=,
  echo "{\"name\": \"gpu\", \"addresses\": [${quoted[*]}]}"
)
