"""Measure how a bundle is served: `python scripts/load_test.py bundle=FOLDER`."""

from omegaconf import DictConfig

from benchmarks.load.measure import load, memory_mib, seconds_to_recover, table
from nrms_torch.commands.main import command
from nrms_torch.serving.process import server


@command("load_test")
def main(config: DictConfig) -> None:
    """Load a server, overload it, and print what it did."""
    rows = []
    with server(f"bundle={config.bundle}") as target:
        idle = memory_mib(target)
        rows.append(("load", load(target, users=config.users, seconds=config.seconds)))
        rows.append(("overload", load(target, users=config.overload, seconds=config.seconds)))
        recovery = seconds_to_recover(target, within_ms=50)
        after = memory_mib(target)
        print(f"start to ready: {target.start_s:.1f} s; memory: {idle:,.0f} MiB then", end=", ")
        print(f"{after:,.0f} MiB after; recovery after overload: {recovery:.2f} s")
    if config.reference:
        with server(f"bundle={config.bundle}", module=["benchmarks.load.reference"]) as target:
            rows.append(("reference, one user", load(target, users=1, seconds=config.seconds)))
    print(table(rows))


if __name__ == "__main__":
    main()
