"""Compiles the Android app without the Android SDK and runs its models on this JVM.

    python -m mobile.android.jvm_check RELEASE

It compiles twice. The first time, it compiles all sources against Android's own classes and the
TensorFlow Lite that the app ships, which shows that they fit together. The second time, it compiles
all but the screen's sources against TensorFlow Lite for desktops, which has the same class names,
and runs the unit tests and the released models. It needs a JDK 17, and Maven to fetch the rest; it
needs neither root nor the SDK.
"""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.errors import FanoutError, UserError
from core.files import sha256, write_text
from core.toolchain import ROOT

HERE = Path(__file__).resolve().parent
APP = HERE / "app" / "src"
MAIN = APP / "main" / "kotlin"
TESTS = (APP / "test" / "kotlin", APP / "jvmTest" / "kotlin")
WORK = ROOT / "build" / "android"
# Sources that use Android's own classes: this JVM lacks their native parts.
SCREEN = ("MainActivity.kt", "Bitmaps.kt")
TEST_CLASSES = WORK / "test-classes"
TEST_NAMES = (
    "PictureTest",
    "ContractTest",
    "FindingsTest",
    "ScreenStateTest",
    "ReleaseTest",
    "RolesTest",
    "PictureFilesTest",
)
# A compiler that runs only for seconds gains nothing from the JVM's second compiler.
_SHORT_RUN = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_TIMEOUT_S = 600


class MissingToolError(UserError):
    """The machine has no JDK or no Maven."""


class CheckFailedError(FanoutError):
    """The app does not compile, or one of its tests failed; the message has the tool's output."""


@dataclass(frozen=True)
class Libraries:
    """The jars that Maven fetched, and the class paths made from them."""

    folder: Path

    def named(self, *prefixes: str) -> list[Path]:
        """Returns one jar per prefix, in order. Raises CheckFailedError when one is missing."""
        libraries = []
        for prefix in prefixes:
            jars = sorted(self.folder.glob(f"{prefix}-[0-9]*.jar"))
            if not jars:
                raise CheckFailedError(f"Maven did not fetch {prefix}")
            libraries.append(jars[0])
        return libraries

    def classes(self, name: str) -> Path:
        """Returns the jar of classes inside an Android archive (.aar)."""
        archive = next(iter(sorted(self.folder.glob(f"{name}-[0-9]*.aar"))), None)
        if archive is None:
            raise CheckFailedError(f"Maven did not fetch {name}")
        jar = archive.with_suffix(".classes.jar")
        if not jar.exists():
            with zipfile.ZipFile(archive) as stream:
                jar.write_bytes(stream.read("classes.jar"))
        return jar

    @property
    def compiler(self) -> list[Path]:
        return self.named(
            "kotlin-compiler-embeddable",
            "kotlin-stdlib",
            "kotlin-script-runtime",
            "kotlin-reflect",
            "kotlin-daemon-embeddable",
            "kotlinx-coroutines-core-jvm",
            "trove4j",
            "annotations",
        )

    @property
    def platform(self) -> list[Path]:
        return self.named("android-all", "tensorflow-lite-metadata", "flatbuffers-java")

    @property
    def shipped(self) -> list[Path]:
        """Returns the TensorFlow Lite that the app ships."""
        return [self.classes("tensorflow-lite"), self.classes("tensorflow-lite-api")]

    @property
    def desktop(self) -> list[Path]:
        """Returns TensorFlow Lite for this JVM, with its native library."""
        return self.named("tflite-engine", "tflite-native-cpu")

    @property
    def test(self) -> list[Path]:
        return self.named("junit", "hamcrest-core")


def check(release: Path) -> str:
    """Compiles the app, runs its tests and returns what they printed.

    Args:
        release: a folder with contract.json, golden.json and mobile/*.tflite.

    Raises:
        MissingToolError: there is no JDK or no Maven.
        CheckFailedError: a source does not compile, or a test failed.
    """
    libraries = fetch()
    compile_all(libraries)
    return run_tests(libraries, release)


def fetch() -> Libraries:
    """Returns the libraries. If pom.xml changed, Maven copies them to build/android first."""
    maven = _tool("mvn", "Maven")
    folder = WORK / "libraries"
    project = HERE / "pom.xml"
    stamp = folder / "fetched-for"
    if not stamp.exists() or stamp.read_text() != sha256(project):
        shutil.rmtree(folder, ignore_errors=True)
        WORK.mkdir(parents=True, exist_ok=True)
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        _run([maven, "--batch-mode", "--quiet", "--file", str(project), *copy], "Maven")
        write_text(stamp, sha256(project))
    return Libraries(folder)


def compile_all(libraries: Libraries) -> None:
    """Compiles the app with the libraries it ships, and its tests with those for this JVM."""
    sources = [file for file in sorted(MAIN.rglob("*.kt")) if file.name not in SCREEN]
    tested = [*libraries.desktop, *libraries.test]
    with ThreadPoolExecutor(max_workers=2) as pool:
        app = pool.submit(_compile, libraries, [MAIN], libraries.shipped, WORK / "app-classes")
        tests = pool.submit(_compile, libraries, [*sources, *TESTS], tested, TEST_CLASSES)
        app.result()
        tests.result()


def run_tests(
    libraries: Libraries, release: Path, pictures: Path | None = None, roles: Path | None = None
) -> str:
    """Runs the app's tests with TensorFlow Lite for desktops and returns what they printed.

    Args:
        pictures: a folder of picture files with an ``expected.json``.
        roles: a release with outputs of every role, with an ``expected.json``.
    """
    # Android's jar is needed for its JSON classes; the rest of it needs a device.
    path = [TEST_CLASSES, *libraries.desktop, *libraries.test, *libraries.platform]
    path += libraries.named("kotlin-stdlib")
    command = [_tool("java", "a JDK 17"), "-cp", _joined(path), f"-Drelease={release}"]
    named = {"pictures": pictures, "roles": roles}
    command += [f"-D{name}={folder}" for name, folder in named.items() if folder]
    tests = [f"fanout.{name}" for name in TEST_NAMES]
    return _run([*command, "org.junit.runner.JUnitCore", *tests], "the app's tests")


def _compile(
    libraries: Libraries, sources: Sequence[Path], tensorflow: Sequence[Path], into: Path
) -> None:
    shutil.rmtree(into, ignore_errors=True)
    path = [*tensorflow, *libraries.platform, *libraries.named("kotlin-stdlib")]
    compiler = [
        _tool("java", "a JDK 17"),
        "-Xmx1g",
        *_SHORT_RUN,
        "-cp",
        _joined(libraries.compiler),
    ]
    options = ["-no-stdlib", "-no-reflect", "-jvm-target", "17", "-Werror", "-d", str(into)]
    main = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
    command = [*compiler, main, *options, "-classpath", _joined(path), *map(str, sources)]
    _run(command, "the Kotlin compiler")


def _joined(path: Sequence[Path]) -> str:
    return ":".join(str(part) for part in path)


def _tool(name: str, title: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(
            f"{title} is not installed here ({name} is not on the PATH); "
            "on Debian or Ubuntu: apt install openjdk-17-jdk-headless maven"
        )
    return path


def _run(command: Sequence[str | Path], what: str) -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S, cwd=WORK
    )
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        raise CheckFailedError(f"{what} ended with exit code {done.returncode}:\n{output[-6000:]}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m mobile.android.jvm_check RELEASE", file=sys.stderr)
        return 2
    try:
        print(check(Path(arguments[0]).resolve()))
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
