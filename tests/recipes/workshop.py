"""What a recipe needs of the build: installed data of the copy, programs, how it compiles."""
import json
import os
import pathlib
import re
import shutil
import subprocess


class Workshop:
    """A copy of the tree and of the installed data; the programs are those of the build."""

    def __init__(self, build, tree, work):
        self.build, self.tree, self.work = build, tree, work
        cache = (build / "CMakeCache.txt").read_text()
        self.root = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache, re.MULTILINE)[1]
        self.share = work / "share"
        shutil.copytree(build / "share/gala", self.share)
        # Links to what the build made would be written through.
        probes = self.share / "bpf"
        if probes.is_symlink():
            probes.unlink()
            shutil.copytree(build / "bpf", probes,
                            ignore=shutil.ignore_patterns("CMakeFiles", "*.cmake", "*.d"))
        self.install_data()

    def install_data(self):
        """Model and pipelines of the copy, as the build installs them."""
        for kind, folder in (("model", "schemas/model"), ("pipelines", "pipelines")):
            shutil.rmtree(self.share / kind)
            (self.share / kind).mkdir()
            for file in (self.tree / folder).glob("*.toml"):
                shutil.copy(file, self.share / kind)

    def run(self, program, *arguments, status=0, tree=None):
        """What a program of the build prints; fails unless it ends with `status`. `tree`: what
        cases_test reads instead of the tree that it was built from."""
        done = subprocess.run([self.build / "bin" / program, *arguments], capture_output=True,
                              text=True, timeout=120, check=False,
                              env=os.environ | ({"GALA_TREE": str(tree)} if tree else {}))
        said = done.stdout + done.stderr
        if done.returncode != status:
            raise AssertionError(f"{program} {arguments} ended with {done.returncode}: {said}")
        return said

    def gala(self, *arguments, status=0):
        return self.run("gala", "--share-dir", self.share, *arguments, status=status)

    def compile_probe(self, name):
        """The build's own command for a probe, on the copy's source."""
        command = next(command for command in self._commands("gala_bpf", "block_io.bpf.o")
                       if "-target bpf" in command)
        command = command.split(" && /usr/bin/cmake -E cmake_transform")[0]
        command = command.replace("block_io", name)
        command = command.replace(f"{self.root}/bpf", f"{self.tree}/bpf")
        command = command.replace(f"{self.build}/bpf", f"{self.share}/bpf")
        self._shell(command, self.work)
        self.install_stage(self.build / "bin/gala-ebpf-source", "ebpf-source")

    def compile_stage(self, name):
        """The build's own commands for record-sink, for another folder of the copy. Returns the
        directory of its program and its test."""
        place = self.work / "build"
        for folder in ("stage_record_sink", "gala-record-sink", "record_sink_test"):
            renamed = folder.replace("record-sink", name).replace("record_sink", name)
            (place / f"stages/CMakeFiles/{renamed}.dir/{name}").mkdir(parents=True)
        (place / "bin").mkdir()
        (place / "runtime").symlink_to(self.build / "runtime")
        for command in self._commands("gala-record-sink", "record.sink") + \
                self._commands("record_sink_test", "record_sink_test"):
            command = command.split(" && cd ")[0].replace("record-sink", name)
            command = command.replace("record_sink", name)
            command = re.sub(rf"{re.escape(str(self.root))}(?=[ /]stages|/stages| )",
                             str(self.tree), command)
            self._shell(command, place)
        return place / "bin"

    def install_stage(self, program, name):
        """What the stage says of itself, where `gala check` looks for it."""
        said = subprocess.run([program, "--describe", "json", "--share-dir", self.share],
                              capture_output=True, text=True, timeout=60, check=True).stdout
        (self.share / "stages" / f"{name}.json").write_text(said)
        return json.loads(said)

    def _commands(self, target, pattern):
        listed = subprocess.run(["ninja", "-C", self.build, "-t", "commands", target], check=True,
                                capture_output=True, text=True, timeout=60).stdout
        return [line for line in listed.splitlines() if re.search(pattern, line)]

    def _shell(self, command, directory):
        done = subprocess.run(command, shell=True, cwd=directory, capture_output=True, text=True,
                              timeout=300, check=False, env=os.environ | {"CCACHE_DISABLE": "1"})
        if done.returncode != 0:
            raise AssertionError(f"{command}\n{done.stdout}{done.stderr}")


def findings_of(tree):
    """What the copy's own tests/tidy says of it."""
    done = subprocess.run([tree / "tests/tidy/tidy.py"], capture_output=True, text=True,
                          timeout=120, check=False)
    return set(done.stdout.splitlines()[:-1])


def files_of(tree):
    """Path → bytes, to see what a recipe touched."""
    return {str(path.relative_to(tree)): path.read_bytes() for path in pathlib.Path(tree).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}
