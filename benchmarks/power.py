"""How often a true gain gets the verdict "helps": prints the table of docs/evidence.md (minutes)."""

import sys

from synthpath_kedro.metrics.simulated_studies import power_table

GAIN = 0.03


def main() -> None:
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print("| test images | replicates | deviation between seeds, points | power |\n|---|---|---|---|")
    for n in (165, 1000, 7180):
        for row in power_table(GAIN, images=(n,), studies=studies).itertuples():
            print(f"| {row.n:,} | {row.replicates} | {100 * row.seed_std:.1f} | {row.power:.2f} |", flush=True)


if __name__ == "__main__":
    main()
