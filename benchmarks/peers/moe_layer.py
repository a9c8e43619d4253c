"""One MoE layer in PyTorch, forward and backward, beside `spark-moe bench` of the same shape.

    python3 moe_layer.py [--tokens S] [--width M] [--experts E] [--top-k K] [--hidden H]

Softmax gate, k experts of a token with weights that sum to 1, SwiGLU experts, no token dropped: on
the GPU in bf16 with f32 master weights cast once before, otherwise on the CPU in f32. Each way takes
its turn in every round; printed are medians in microseconds by the device's clock. Ways that cannot
be had here are named with the reason. Before anything is timed, outputs and gradients of every way are
held against the first's.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

ROUNDS = 20
WARM_UPS = 5


def parameters(a, device, dtype):
    torch.manual_seed(1)
    def normal(*shape):
        return (0.02 * torch.randn(*shape)).to(device, dtype).requires_grad_()
    return {
        "gate": normal(a.width, a.experts),
        "w1": normal(a.experts, a.width, a.hidden),
        "w2": normal(a.experts, a.hidden, a.width),
        "w3": normal(a.experts, a.width, a.hidden),
    }


def route(x, p, k):
    probabilities = torch.softmax(x.float() @ p["gate"].float(), dim=1)
    best, chosen = probabilities.topk(k, dim=1)
    return best / best.sum(dim=1, keepdim=True), chosen


def ordered(x, p, k):
    """Rows of tokens by expert, their tokens and weights, and rows of each expert."""
    weights, chosen = route(x, p, k)
    flat = chosen.reshape(-1)
    order = flat.argsort(stable=True)
    token = order // k
    counts = torch.bincount(flat, minlength=p["w1"].shape[0])
    return x[token], token, weights.reshape(-1)[order], counts


def combined(x, rows, token, weights):
    return torch.zeros_like(x).index_add(0, token, rows * weights.unsqueeze(1).to(x.dtype))


def one_by_one(x, p, k):
    rows, token, weights, counts = ordered(x, p, k)
    outputs = []
    for e, part in enumerate(rows.split(counts.tolist())):
        active = F.silu(part @ p["w1"][e]) * (part @ p["w3"][e])
        outputs.append(active @ p["w2"][e])
    return combined(x, torch.cat(outputs), token, weights)


def grouped(x, p, k):
    rows, token, weights, counts = ordered(x, p, k)
    ends = counts.cumsum(0).to(torch.int32)
    active = F.silu(torch._grouped_mm(rows, p["w1"], offs=ends)) * torch._grouped_mm(
        rows, p["w3"], offs=ends
    )
    return combined(x, torch._grouped_mm(active, p["w2"], offs=ends), token, weights)


def products_alone(x, p, k):
    """The layer's matrix products over evenly loaded experts, and nothing else."""
    experts, width, _ = p["w1"].shape
    count = max(1, x.shape[0] * k // experts)
    rows = x[:1].expand(experts * count, width).reshape(experts, count, width)
    active = torch.bmm(rows, p["w1"]) + torch.bmm(rows, p["w3"])
    return torch.bmm(active, p["w2"]).sum(0)


def step(way, x, p, k):
    for tensor in [x, *p.values()]:
        tensor.grad = None
    way(x, p, k).sum().backward()


def micros(work, cuda):
    if not cuda:
        begin = time.perf_counter()
        work()
        return (time.perf_counter() - begin) * 1e6
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) * 1e3


def others(a, device, dtype):
    """Layers of other libraries, if they are installed."""
    found = {}
    try:
        from megablocks.layers import arguments, dmoe

        layer = dmoe.dMoE(
            arguments.Arguments(
                hidden_size=a.width, ffn_hidden_size=a.hidden, moe_num_experts=a.experts,
                moe_top_k=a.top_k, mlp_type="glu", activation_fn=F.silu, bias=False,
                return_bias=False, bf16=dtype == torch.bfloat16, fp16=False, device=device,
            )
        )
        found["MegaBlocks dMoE"] = lambda x, p, k: layer(x.unsqueeze(0))
    except Exception as why:  # whatever an import or a constructor of theirs brings
        print(f"MegaBlocks: not here ({type(why).__name__}: {why})")
    try:
        from tutel import moe

        layer = moe.moe_layer(
            gate_type={"type": "top", "k": a.top_k, "capacity_factor": 0.0},
            experts={"type": "ffn", "num_experts_per_device": a.experts,
                     "hidden_size_per_expert": a.hidden, "activation_fn": F.silu},
            model_dim=a.width,
        ).to(device, dtype)
        found["Tutel (two matrices instead of three)"] = lambda x, p, k: layer(x)
    except Exception as why:
        print(f"Tutel: not here ({type(why).__name__}: {why})")
    return found


def results(way, x, p, k):
    """The output and the gradients by tokens and parameters."""
    output = way(x, p, k).detach().float()
    step(way, x, p, k)
    return [output] + [tensor.grad.float() for tensor in [x, *p.values()]]


def usable(ways, x, p, k):
    kept = {}
    expected = None
    for name, way in ways.items():
        try:
            result = results(way, x, p, k)
        except Exception as why:
            print(f"{name}: not here ({type(why).__name__}: {str(why).splitlines()[0]})")
            continue
        if expected is None:
            expected = result
        difference = max(
            ((one - other).abs().max() / other.abs().max()).item()
            for one, other in zip(result, expected)
        )
        # A NaN is no number below the tolerance.
        if not difference <= 0.05:
            raise SystemExit(f"{name} computes something else: off by {difference:.3f}")
        kept[name] = way
    return kept


def main():
    parser = argparse.ArgumentParser()
    for name, value in [("tokens", 4096), ("width", 2048), ("experts", 8), ("top-k", 2),
                        ("hidden", 4096)]:
        parser.add_argument("--" + name, type=int, default=value)
    a = parser.parse_args()
    cuda = torch.cuda.is_available()
    device, dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    p = parameters(a, device, dtype)
    x = torch.randn(a.tokens, a.width).to(device, dtype).requires_grad_()
    ways = {"PyTorch, one by one": one_by_one, "PyTorch, grouped": grouped}
    if dtype == torch.bfloat16:
        ways["PyTorch, grouped, compiled"] = torch.compile(grouped, dynamic=False)
    else:
        print("PyTorch, grouped, compiled: not here (its compiler takes grouped products in bf16 only)")
    ways = usable(ways, x, p, a.top_k)
    ways["matrix products alone"] = products_alone
    for name, way in others(a, device, dtype).items():
        try:
            step(way, x, p, a.top_k)
            ways[name] = way
        except Exception as why:
            print(f"{name}: not here ({type(why).__name__}: {str(why).splitlines()[0]})")
    times = {name: [] for name in ways}
    for turn in range(WARM_UPS + ROUNDS):
        for name, way in ways.items():
            took = micros(lambda: step(way, x, p, a.top_k), cuda)
            if turn >= WARM_UPS:
                times[name].append(took)
    print(f"torch {torch.__version__}, {'GPU, bf16' if cuda else 'CPU, f32'}: S = {a.tokens}, "
          f"M = {a.width}, E = {a.experts}, k = {a.top_k}, H = {a.hidden}")
    operations = 18.0 * a.tokens * a.top_k * a.width * a.hidden
    for name, took in times.items():
        median = statistics.median(took)
        print(f"{name:<44} {median:12.1f} us {operations / median / 1e6:9.2f} TFLOP/s")


if __name__ == "__main__":
    main()
