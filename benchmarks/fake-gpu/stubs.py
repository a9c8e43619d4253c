"""Builds the libraries of NVIDIA that libtorch for CUDA and the bindings for Java want.

    stubs.py CUDA_INCLUDE OUTPUT JAR...

Which libraries and which functions is read from the native libraries in the jars. cudart.c, cuda.c
and nccl.c beside this script do what is needed to run; every other function returns 0, and says so
once if it is not of the runtime or the driver.
"""
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
SOURCES = {"libcudart.so": "cudart.c", "libcuda.so": "cuda.c", "libnccl.so": "nccl.c"}
FUNCTION = re.compile(r"(__cuda|cu[A-Z]|cuda|cublas|cudnn|cusparse|cusolver|cufft|curand|cupti|nccl)")
LIBRARY = re.compile(r"lib(cu|nccl)\w*\.so\.\d+$")
NATIVE = re.compile(r"org/bytedeco/(cuda/linux-x86_64|pytorch/linux-x86_64-gpu)/.*\.so$")
# Without versions of symbols only a function's name tells its library.
DRIVER = "libcuda.so.1"
BY_NAME = {
    "nccl": "libnccl.so.2",
    "curand": "libcurand.so.10",
    "cuFile": "libcufile.so.0",
    "cu[A-Z]": DRIVER,
}
# libtorch asks for it at its start.
HARMLESS = {"cudnnGetVersion"}


def read(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def natives(jars, folder):
    """Unpacks them one at a time, for they are large."""
    for jar in jars:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if NATIVE.search(name):
                    file = pathlib.Path(archive.extract(name, folder))
                    yield file
                    file.unlink()


def library_of(function):
    return next((library for start, library in BY_NAME.items() if re.match(start, function)), None)


def wanted(jars):
    """The functions that the natives do not define, by the library that should."""
    functions = collections.defaultdict(set)
    functions[DRIVER]  # Is looked for at run time only.
    versioned = set()
    with tempfile.TemporaryDirectory() as folder:
        for file in natives(jars, folder):
            for library in re.findall(r"NEEDED.*\[(.*)\]", read("readelf", "-d", file)):
                if LIBRARY.match(library):
                    functions[library]
            for line in read("nm", "-D", "--undefined-only", file).splitlines():
                function, _, version = line.split()[-1].partition("@")
                if not FUNCTION.match(function):
                    continue
                library = version.strip("@")
                if library:
                    versioned.add(library)
                else:
                    library = library_of(function)
                if library:
                    functions[library].add(function)
    return functions, versioned


def build(library, functions, versioned, include, output):
    source = SOURCES.get(library[: library.index(".so") + 3])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        objects = []
        done = set()
        if source:
            objects.append(folder / "source.o")
            subprocess.run(
                ["gcc", "-O1", "-Wall", "-fPIC", f"-I{include}", "-c", HERE / source, "-o", objects[0]],
                check=True)
            defined = read("nm", "--defined-only", objects[0])
            done = {line.split()[-1] for line in defined.splitlines()}
        rest = folder / "rest.c"
        with rest.open("w") as out:
            out.write("#include <stdio.h>\n")
            # A shared library without a symbol cannot carry a version.
            out.write(f"const char fake_gpu_{re.sub(r'[^0-9A-Za-z]', '_', library)} = 0;\n")
            for function in sorted(functions - done):
                say = ""
                if not (library == DRIVER or "cudart" in library or function in HARMLESS):
                    message = f"fake GPU: {function} does nothing\\n"
                    say = f'static int said; if (!said++) fputs("{message}", stderr);'
                out.write(f"int {function}(void) {{ {say} return 0; }}\n")
        versions = []
        if versioned:
            (folder / "versions").write_text(f"{library} {{ global: *; }};\n")
            versions = [f"-Wl,--version-script={folder / 'versions'}"]
        subprocess.run(
            ["gcc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{library}", *versions,
             rest, *objects, "-o", output / library, "-ldl", "-lpthread"], check=True)


def main():
    include, output, jars = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    output.mkdir(parents=True, exist_ok=True)
    functions, versioned = wanted(jars)
    for library in sorted(functions):
        build(library, functions[library], library in versioned, include, output)
    total = sum(map(len, functions.values()))
    print(f"fake GPU: {len(functions)} libraries with {total} functions", file=sys.stderr)


main()
