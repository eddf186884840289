"""What memory may still be taken: of the machine, of control groups, of the process."""

import subprocess
import sys
from pathlib import Path

from propainter_backend.render.memory_limits import available_bytes

MB = 1 << 20


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def told(tmp_path: Path, *lines: str) -> dict[str, Path]:
    own = tmp_path / "own"
    own.write_text("".join(f"{line}\n" for line in lines))
    return {"groups": tmp_path / "groups", "own": own}


def test_the_narrowest_group_around_the_process_counts_and_pages_of_files_do_not(tmp_path):
    groups = tmp_path / "groups"
    group(groups / "slurm/job/step", memory__max="max", memory__current=5 * MB)
    group(
        groups / "slurm/job",
        memory__max=100 * MB,
        memory__current=60 * MB,
        memory__stat=f"anon 1\ninactive_file {20 * MB}",
    )
    group(groups / "slurm", memory__max=400 * MB, memory__current=60 * MB)
    assert available_bytes(**told(tmp_path, "0::/slurm/job/step")) == 60 * MB


def test_a_container_that_sees_its_own_group_as_the_root_is_limited_by_it(tmp_path):
    group(tmp_path / "groups", memory__max=50 * MB, memory__current=20 * MB)
    assert available_bytes(**told(tmp_path, "0::/docker/1234")) == 30 * MB


def test_version_1_groups_count_and_its_word_for_no_limit_is_none(tmp_path):
    group(tmp_path / "groups/memory/a", memory__limit_in_bytes=70 * MB, memory__usage_in_bytes=10 * MB)
    group(tmp_path / "groups/memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=10 * MB)
    assert available_bytes(**told(tmp_path, "3:cpu,cpuacct:/b", "4:memory:/a", "1:name=systemd:/")) == 60 * MB


def test_a_group_beyond_its_limit_has_nothing_left(tmp_path):
    group(tmp_path / "groups", memory__max=50 * MB, memory__current=60 * MB)
    assert available_bytes(**told(tmp_path, "0::/")) == 0


def test_what_ulimit_leaves_counts(tmp_path):
    """A real limit, of a process of its own."""
    code = """
import resource, psutil
from propainter_backend.render.memory_limits import available_bytes
limit = psutil.Process().memory_info().vms + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(available_bytes())
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 32 * MB < int(said) <= 64 * MB
