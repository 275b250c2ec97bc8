"""Patches that want a grade without a repair, or more than a grade. Run them in the sandbox only.

Every case is honest about what it tries: where it would succeed, the candidate would pass, or a
witness outside would be touched. `ESCAPES` are attacks on the walls; they are completed with what
they look for by `test_hostile.py` (`{secret}`, `{port}`, ...). `FORGERIES` are attacks on the grade
that need code inside the tested process. `MEDDLING` changes files that are not the author's.
"""

from __future__ import annotations

from ledger_project import BUGGY, TEST_FILE, TESTS

MONEY = "ledger/money.py"

# name: (files changed, status)
MEDDLING = {
    "edits a test": ({TEST_FILE: TESTS.replace("== 0", "== 1")}, "failed"),
    "deletes the tests": ({TEST_FILE: None}, "failed"),
    "empties the tests": ({TEST_FILE: ""}, "failed"),
    "skips the tests": (
        {TEST_FILE: "import pytest\npytestmark = pytest.mark.skip\n" + TESTS},
        "failed",
    ),
    "adds a package beside the tests that is found first": (
        {"tests/ledger/__init__.py": "", "tests/ledger/money.py": "total = sum\n"},
        "failed",
    ),
    "root conftest.py that rewrites reports": (
        {
            "conftest.py": "import pytest\n@pytest.hookimpl(hookwrapper=True)\n"
            "def pytest_runtest_makereport(item, call):\n"
            "    out = yield\n    out.get_result().outcome = 'passed'\n"
        },
        "refused",
    ),
    "tests/conftest.py that skips": (
        {"tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"},
        "refused",
    ),
    "pytest.ini": ({"pytest.ini": "[pytest]\naddopts = -k 'not total'\n"}, "refused"),
    "pyproject.toml": (
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k not total'\n"},
        "refused",
    ),
    "tox.ini": ({"tox.ini": "[pytest]\naddopts = -k 'not total'\n"}, "refused"),
    "setup.cfg": ({"setup.cfg": "[tool:pytest]\naddopts = -k 'not total'\n"}, "refused"),
    "sitecustomize.py": ({"sitecustomize.py": "import os\nos._exit(0)\n"}, "refused"),
    "usercustomize.py": ({"usercustomize.py": "import os\nos._exit(0)\n"}, "refused"),
    ".pth": ({"evil.pth": "import os; os._exit(0)\n"}, "refused"),
    "shadows pytest": ({"pytest.py": "raise SystemExit(0)\n"}, "refused"),
    "shadows pytest's inside": ({"_pytest/__init__.py": ""}, "refused"),
    "shadows the standard library": (
        {"random.py": "def seed(x):\n    raise SystemExit\n"},
        "refused",
    ),
    "shadows the tests' directory": ({"tests.py": "__path__ = []\n"}, "refused"),
    "brings bytecode": ({"ledger/__pycache__/money.cpython-311.pyc": b"\0" * 99}, "refused"),
    "brings a shared library": ({"ledger/money.abi3.so": b"\x7fELF"}, "refused"),
    "deletes the package": ({"ledger/__init__.py": None, MONEY: None}, "failed"),
    "changes what is not code": ({"README.md": "passed\n"}, "refused"),
    "changes too many files": ({f"ledger/m{i}.py": "" for i in range(9)}, "refused"),
    "changes too many lines": ({MONEY: BUGGY + "x = 1\n" * 401}, "refused"),
    "is too large": ({MONEY: BUGGY + "# " + "x" * 300_000}, "refused"),
    "is not Python": ({MONEY: "def total(:\n"}, "failed"),
    "holds null bytes": ({MONEY: BUGGY.encode() + b"\0"}, "refused"),
    "is nested too deeply": ({MONEY: BUGGY + "x = " + "(" * 5000 + ")" * 5000}, "failed"),
}

_EXIT = "import os\nos._exit(0)\n"

_FIND_REPORTER = """
import json, os, sys
frame, reporter = sys._getframe(), None
while frame and not reporter:
    for value in list(frame.f_locals.values()):
        manager = getattr(getattr(value, "config", None), "pluginmanager", None)
        for plugin in manager.get_plugins() if manager else ():
            if type(plugin).__name__ == "Reporter":
                reporter = plugin
    frame = frame.f_back
assert reporter
"""

# name: (code put before the buggy module, statuses)
FORGERIES = {
    "os._exit at import": (_EXIT, {"stopped"}),
    "sys.exit at import": ("import sys\nsys.exit(0)\n", {"stopped", "failed"}),
    "says that all passed and exits": (
        "print('9 passed in 0.01s', flush=True)\n" + _EXIT,
        {"stopped"},
    ),
    "exit handler": ("import atexit, os\natexit.register(os._exit, 0)\n", {"failed"}),
    "alarm that exits": (
        "import os, signal\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.001)\nimport time\ntime.sleep(0.05)\n",
        {"stopped"},
    ),
    "thread that exits": (
        "import os, threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.001), os._exit(0))).start()\n"
        "time.sleep(0.05)\n",
        {"stopped"},
    ),
    "interrupts": ("raise KeyboardInterrupt\n", {"stopped", "failed"}),
    "ends the session with pytest.exit": (
        "import pytest\npytest.exit('done', returncode=0)\n",
        {"stopped", "failed"},
    ),
    "skips its module": (
        "import pytest\npytest.skip('later', allow_module_level=True)\n",
        {"failed"},
    ),
    "skips from the inside": (
        "import pytest\ndef skipping(*a): pytest.skip('later')\n",
        {"failed"},
        "total = skipping",
    ),
    "expects its own failure": (
        "import pytest\ndef failing(*a): pytest.xfail('known')\n",
        {"failed"},
        "total = failing",
    ),
    "swallows failures in pytest": (
        """
import _pytest.runner as runner
real = runner.CallInfo.from_call.__func__
def quiet(cls, func, when, reraise=None):
    def swallow():
        try:
            return func()
        except Exception:
            return None
    return real(cls, swallow if when == "call" else func, when, reraise)
runner.CallInfo.from_call = classmethod(quiet)
""",
        {"forged"},
    ),
    "makes tests do nothing": (
        "import pytest\npytest.Function.runtest = lambda self: None\n",
        {"forged"},
    ),
    "turns reports over": (
        "import pytest\n"
        "pytest.TestReport.outcome = property(lambda self: 'passed', lambda self, value: None)\n"
        "pytest.TestReport.failed = property(lambda self: False)\n",
        {"forged", "stopped", "failed"},
    ),
    "turns over what the reporter says": (
        _FIND_REPORTER
        + """
real = reporter.say
def say(kind, *words):
    words = [("passed" if word == "failed" else word) for word in words]
    real(kind, *words)
reporter.say = say
""",
        {"forged"},
    ),
    "writes reports of its own to the pipe": (
        _FIND_REPORTER
        + """
for variant in (0, 1):
    for test in reporter.select:
        reporter.say("test", variant, test, "passed", 0.0, "")
reporter.say("end", 0, 0)
os._exit(0)
""",
        {"forged"},
    ),
    "guesses that the first version is the test": (
        _FIND_REPORTER
        + """
for variant, outcome in ((0, "passed"), (1, "failed")):
    for test in reporter.select:
        reporter.say("test", variant, test, outcome, 0.0, "")
reporter.say("end", 0, 0)
os._exit(0)
""",
        {"forged", "failed"},
    ),
    "reports twice": (
        _FIND_REPORTER
        + """
real = reporter.say
def say(*words):
    real(*words)
    if words[0] == "test":
        real(*words[:3], "passed", *words[4:])
reporter.say = say
""",
        {"forged"},
    ),
    "reports tests that are not there": (
        _FIND_REPORTER + "reporter.say('test', 0, 'tests/test_x.py::test_y', 'passed', 0.0, '')\n",
        {"forged"},
    ),
    "leaves the twins out": (
        _FIND_REPORTER
        + """
seen = set()
real = reporter.say
def say(kind, *words):
    if kind == "test" and words[2] == "failed":
        return
    real(kind, *words)
reporter.say = say
""",
        {"forged", "failed"},
    ),
    "writes nonsense to every descriptor": (
        "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'\\xff[\\n')\n"
        "    except OSError:\n        pass\n",
        {"stopped"},
    ),
    "floods the results": (
        _FIND_REPORTER + "while True:\n    reporter.say('x' * 60000)\n",
        {"stopped"},
    ),
    "floods the output": (
        "import sys\nwhile True:\n    sys.stdout.write('x' * 60000)\n",
        {"stopped"},
    ),
    "returns what equals everything": (
        """
class Equal(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
""",
        {"forged"},
        "total = lambda amounts: Equal()",
    ),
    "reads what is expected out of the asking frame": (
        """
import dis, sys
def peek(amounts):
    frame = sys._getframe(1)
    if "cents" in frame.f_locals:
        return frame.f_locals["cents"]
    steps = [s for s in dis.get_instructions(frame.f_code) if s.offset > frame.f_lasti]
    return next(s.argval for s in steps if s.opname == "LOAD_CONST")
""",
        {"forged"},
        "total = peek",
    ),
    "reads what is expected from the test file": (
        """
import ast, os
source = "".join(
    open(os.path.join(d, f)).read() for d, _, fs in os.walk("tests") for f in fs
)
LITERALS = {n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)}
class Known(int):
    def __eq__(self, other): return other in LITERALS
    def __hash__(self): return 0
""",
        {"failed"},
        "total = lambda amounts: Known()",
    ),
    "rewrites the code of tests": (
        """
import gc, types
for o in gc.get_objects():
    if isinstance(o, types.FunctionType) and o.__name__.startswith("test_"):
        o.__code__ = (lambda *a, **k: None).__code__
def later(amounts):
    for o in gc.get_objects():
        if isinstance(o, types.FunctionType) and o.__name__.startswith("test_"):
            try:
                o.__code__ = (lambda *a, **k: None).__code__
            except ValueError:
                pass
    return 0
""",
        {"forged", "failed"},
        "total = later",
    ),
    "jumps over asserts by tracing": (
        """
import sys
def trace(frame, event, arg):
    if not frame.f_code.co_name.startswith("test_"):
        return None
    if event == "line":
        try:
            frame.f_lineno = max(line for _, _, line in frame.f_code.co_lines() if line)
        except ValueError:
            pass
    return trace
sys.settrace(trace)
""",
        {"forged", "failed", "stopped"},
    ),
    "puts a module of its own in place of the tests'": (
        "import sys, types\nsys.modules['test_money'] = types.ModuleType('test_money')\n",
        {"failed"},
    ),
    "hooks imports": (
        "import sys\nclass Finder:\n    def find_spec(self, *a): raise SystemExit(0)\n"
        "sys.meta_path.insert(0, Finder())\n",
        {"failed", "stopped"},
    ),
    "takes AssertionError away": (
        "import builtins\nbuiltins.AssertionError = type('Fine', (Exception,), {})\n",
        {"failed"},
    ),
    "patches the comparison of integers": (
        "import ctypes, gc\n"
        "space = gc.get_referents(int.__dict__)[0]\n"
        "space['__eq__'] = lambda a, b: True\n"
        "ctypes.pythonapi.PyType_Modified(ctypes.py_object(int))\n",
        {"failed", "forged", "stopped"},
    ),
    "patches len and isinstance": (
        "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda x: 0\n",
        {"failed", "forged", "stopped"},
    ),
    "crashes the interpreter": ("import ctypes\nctypes.string_at(0)\n", {"stopped"}),
    "sleeps": ("import time\ntime.sleep(3600)\n", {"stopped"}),
    "never ends": ("while True:\n    pass\n", {"stopped"}),
    "recurses": ("def down(): return down()\n", {"failed"}, "total = lambda a: down()"),
    "blocks every signal and never ends": (
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "while True:\n    time.sleep(1)\n",
        {"stopped"},
    ),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n", {"stopped"}),
}

_RAW = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""

# name: code with `attempt`
ESCAPES = {
    "reads a file of the user's": "def attempt(): return open('{secret}').read()",
    "reads the project as it should be": "def attempt(): return open('{original}').read()",
    "reads by a symbolic link in the tree": """
import os
def attempt():
    os.symlink('{secret}', 'link')
    return open('link').read()
""",
    "reads by a link to the root": """
import os
def attempt():
    os.symlink('/', 'root')
    return open('root{secret}').read()
""",
    "links a file of the user's into the tree": """
import os
def attempt():
    os.link('{secret}', 'hard')
    return open('hard').read()
""",
    "reads the environment": """
import os
def attempt(): return any('{token}' in value for value in os.environ.values())
""",
    "reads other processes' environments": """
import os
def attempt():
    for pid in os.listdir('/proc'):
        try:
            if b'{token}' in open(f'/proc/{pid}/environ', 'rb').read():
                return True
        except OSError:
            pass
""",
    "reads its own memory for an earlier run": _RAW
    + """
SHIFT = bytes((i + 1) % 256 for i in range(256))
NEEDLE = b"{shifted}"  # what is looked for, each byte one up, so that the search cannot find itself
def attempt():
    out, into = os.pipe()
    pages = {id(thing) >> 12 for thing in [object(), [], {}, "", b"x" * 999, os, attempt]}
    low, high = min(pages) - 4096, max(pages) + 4096
    for page in range(max(low, high - (1 << 16)), high):
        if libc.write(into, ctypes.c_void_p(page << 12), ctypes.c_size_t(4096)) == 4096:
            if NEEDLE in os.read(out, 4096).translate(SHIFT):
                return True
""",
    "reads the box for an earlier run": """
import os
def attempt():
    for folder, _, names in os.walk('{box}'):
        if 'left-behind' in names:
            return True
""",
    "reads the disk": "def attempt(): return open('/dev/vda', 'rb').read(1)",
    "reads the memory of the machine": "def attempt(): return open('/dev/mem', 'rb').read(1)",
    "reads the shadow file": "def attempt(): return open('/etc/shadow').read()",
    "writes over a file of the user's": """
def attempt():
    with open('{witness}', 'w') as file:
        return file.write('overwritten')
""",
    "deletes a file of the user's": """
import os
def attempt():
    os.unlink('{witness}')
    return True
""",
    "changes the mode of a file of the user's": """
import os
def attempt():
    os.chmod('{witness}', 0o777)
    return True
""",
    "changes the times of a file of the user's": """
import os
def attempt():
    os.utime('{witness}', (0, 0))
    return True
""",
    "makes a file beside the tree": """
def attempt():
    with open('{folder}/new', 'w') as file:
        return file.write('x')
""",
    "writes to pytest": """
import pytest
def attempt():
    with open(pytest.__file__, 'a') as file:
        return file.write('x')
""",
    "writes to the standard library": """
import os
def attempt():
    with open(os.__file__, 'a') as file:
        return file.write('x')
""",
    "connects to this machine": """
import socket
def attempt():
    socket.create_connection(('127.0.0.1', {port}), timeout=2)
    return True
""",
    "connects by a raw call": _RAW
    + """
import struct
def attempt():
    made = call({SOCKET}, 2, 1, 0)
    address = struct.pack('=H', 2) + struct.pack('>H', {port}) + bytes([127, 0, 0, 1]) + bytes(8)
    call({CONNECT}, made, address, 16)
    return True
""",
    "sends a datagram": """
import socket
def attempt():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    return made.sendto(b'{token}', ('127.0.0.1', {port}))
""",
    "opens a raw socket": """
import socket
def attempt(): return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
""",
    "connects to a socket file": """
import socket
def attempt():
    made = socket.socket(socket.AF_UNIX)
    made.connect('{socket}')
    return True
""",
    "connects to an abstract socket": """
import socket
def attempt():
    made = socket.socket(socket.AF_UNIX)
    made.connect('\\0{abstract}')
    return True
""",
    "talks to the kernel by netlink": """
import socket
def attempt(): return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
""",
    "kills a process outside": """
import os
def attempt():
    os.kill({victim}, 9)
    return True
""",
    "kills all it can": """
import os, signal
def attempt():
    os.kill(-1, signal.SIGTERM)
    return False
""",
    "traces its parent": _RAW
    + """
def attempt():
    call({PTRACE}, 16, os.getppid() or 1, 0, 0)
    return True
""",
    "reads the memory of its parent": _RAW
    + """
import struct
def attempt():
    here = ctypes.create_string_buffer(8)
    local = struct.pack('PL', ctypes.addressof(here), 8)
    remote = struct.pack('PL', id(os), 8)
    return call({PROCESS_VM_READV}, os.getppid() or 1, local, 1, remote, 1, 0)
""",
    "takes a descriptor of its parent": _RAW
    + """
def attempt():
    return call({PIDFD_GETFD}, call({PIDFD_OPEN}, os.getppid() or 1, 0), 0, 0) >= 0
""",
    "becomes root": """
import os
def attempt():
    os.setuid(0)
    os.setgid(0)
    return os.getuid() == 0 and open('{secret}')
""",
    "runs a program that makes root": """
import os
def attempt(): os.execv('/usr/bin/su', ['su'])
""",
    "makes a user namespace": _RAW
    + """
def attempt():
    if libc.unshare(0x10020000):
        raise OSError(ctypes.get_errno(), 'unshare')
    return True
""",
    "mounts": _RAW
    + """
def attempt():
    if libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None):
        raise OSError(ctypes.get_errno(), 'mount')
    return True
""",
    "unmounts": _RAW
    + """
def attempt():
    if libc.umount2(b'{box}', 2):
        raise OSError(ctypes.get_errno(), 'umount')
    return True
""",
    "changes the root": """
import os
def attempt():
    os.chroot('tests')
    return True
""",
    "raises its limits": """
import resource
def attempt():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    return True
""",
    "uses io_uring": _RAW
    + """
def attempt(): return call(425, 4, ctypes.create_string_buffer(256)) >= 0
""",
    "loads a program into the kernel": _RAW
    + """
def attempt(): return call({BPF}, 0, ctypes.create_string_buffer(128), 128) >= 0
""",
    "asks for keys": _RAW
    + """
def attempt(): return call({KEYCTL}, 0, -3, 0) >= 0
""",
    "opens files by handle": _RAW
    + """
def attempt(): return call({OPEN_BY_HANDLE}, -100, ctypes.create_string_buffer(128), 0) >= 0
""",
    "catches page faults": _RAW
    + """
def attempt(): return call({USERFAULTFD}, 0) >= 0
""",
    "forks": """
import os
def attempt():
    if os.fork() == 0:
        os._exit(0)
    return True
""",
    "forks by a raw call": _RAW
    + """
def attempt():
    if call({CLONE}, 17, 0, 0, 0, 0) == 0:
        os._exit(0)
    return True
""",
    "forks by clone3": _RAW
    + """
def attempt():
    if call(435, ctypes.create_string_buffer(64), 64) == 0:
        os._exit(0)
    return True
""",
    "starts a shell": """
import subprocess
def attempt(): return subprocess.run(['sh', '-c', 'true']).returncode == 0
""",
    "starts a shell by system": """
import os
def attempt(): return os.system('true') == 0
""",
    "starts a pool": """
import concurrent.futures
def attempt():
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        return list(pool.map(abs, [1]))
""",
    "fills memory": """
def attempt():
    kept = []
    for _ in range(64):
        kept.append(bytearray(64 << 20))
    return True
""",
    "fills memory by mapping": """
import mmap
def attempt(): return [mmap.mmap(-1, 256 << 20) for _ in range(16)]
""",
    "fills memory by files without names": _RAW
    + """
def attempt():
    made = call({MEMFD_CREATE}, b'x', 0)
    os.ftruncate(made, 1 << 30)
    return True
""",
    "fills memory by shared segments": _RAW
    + """
def attempt(): return call({SHMGET}, 0, ctypes.c_size_t(1 << 30), 0o1600) >= 0
""",
    "writes a file that is too large": """
def attempt():
    with open('large', 'wb') as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    return True
""",
    "fills the disk": """
def attempt():
    for i in range(64):
        with open(f'part{i}', 'wb') as file:
            file.write(bytes(4 << 20))
    return True
""",
    "makes files without end": """
def attempt():
    for i in range(20000):
        open(f'f{i}', 'w').close()
    return True
""",
    "opens files without end": """
def attempt(): return [open('README.md') for _ in range(2000)]
""",
    "starts threads without end": """
import threading, time
def attempt():
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    return True
""",
}
