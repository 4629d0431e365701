import subprocess
import sys


def test_what_sections_need_is_known_without_any_heavy_import():
    program = (
        "import sys; from synthpath_kedro.report.sections import SECTIONS;"
        "assert all(section.needs or section.name == 'versions' for section in SECTIONS.values());"
        "print([name for name in ('torch', 'matplotlib', 'pandas', 'numpy', 'kedro') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
