"""Several processes that torchrun started: which one this is, and waiting for the others.

Without torchrun there is one process, and nothing here does anything.
"""

import os


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", 0))


def world_size() -> int:
    """Processes in all."""
    return int(os.environ.get("WORLD_SIZE", 1))


def devices() -> dict[str, int | str]:
    """Settings of Lightning's Trainer for these processes."""
    if world_size() == 1:
        return {"devices": 1}
    on_this_machine = int(os.environ.get("LOCAL_WORLD_SIZE", world_size()))
    return {"strategy": "ddp", "devices": on_this_machine, "num_nodes": world_size() // on_this_machine}


def init_process_group() -> None:
    """Connects the processes: NCCL on GPUs, one per process; gloo on CPUs."""
    import torch

    if world_size() == 1 or torch.distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def destroy_process_group() -> None:
    """Ends what ``init_process_group`` began."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def wait_for_all() -> None:
    """Returns when every process has called it."""
    if world_size() > 1:
        import torch

        init_process_group()
        torch.distributed.barrier()
