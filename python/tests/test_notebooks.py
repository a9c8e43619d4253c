"""The notebooks for PySpark: every cell compiles and, where there is what they import, runs.

Cells run with the sizes of a test, in this process. IPython's ``display`` is replaced by one that
counts what is shown.

    python3 -m unittest discover -s python/tests
"""

import ast
import importlib.util
import json
import os
import sys
import types
import unittest
from pathlib import Path
from typing import Any, Dict, List

from test_sparkmoe import missing

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks" / "pyspark").glob("*.ipynb"))
SIZES = {
    "MOE_HOME": str(ROOT),
    "MOE_STEPS": "2",
    "MOE_LAYERS": "1",
    "MOE_GATES": "mixtral",
    "MOE_TEXT": "spark-moe/src/main/java/org/sparkmoe/moe",
    "MPLBACKEND": "Agg",
}


def read(notebook: Path) -> Dict[str, Any]:
    return json.loads(notebook.read_text(encoding="utf-8"))


def code_of(notebook: Path) -> List[str]:
    cells = read(notebook)["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def shows(pictures: List[Any]) -> types.ModuleType:
    """A module as ``IPython.display`` is, for what the notebooks take from there."""
    module = types.ModuleType("IPython.display")
    module.HTML = lambda data: None

    def svg(data: str = "", filename: str = "") -> str:
        text = data or Path(filename).read_text(encoding="utf-8")
        assert "<svg" in text, filename
        return text

    module.SVG = svg
    module.display = pictures.append
    return module


def shell() -> types.ModuleType:
    """What PySpark and matplotlib ask of IPython once it is imported: no cell is running."""
    module = types.ModuleType("IPython")
    module.__file__ = str(ROOT / "IPython" / "__init__.py")
    module.version_info = (9, 0)
    module.get_ipython = lambda: None
    return module


class StoredTest(unittest.TestCase):
    def test_there_are_four(self) -> None:
        self.assertEqual(len(NOTEBOOKS), 4)

    def test_every_cell_compiles_and_has_no_output(self) -> None:
        for notebook in NOTEBOOKS:
            with self.subTest(notebook.name):
                self.assertEqual(read(notebook)["metadata"]["kernelspec"]["name"], "python3")
                for cell in read(notebook)["cells"]:
                    self.assertFalse(cell.get("outputs"))
                for code in code_of(notebook):
                    ast.parse(code)


@unittest.skipIf(missing(), missing())
class ExecutedTest(unittest.TestCase):
    def run_cells(self, notebook: Path) -> List[Any]:
        pictures: List[Any] = []
        replaced = {name: sys.modules.get(name) for name in ("IPython", "IPython.display")}
        if importlib.util.find_spec("IPython") is not None:
            importlib.import_module("IPython")
        else:
            sys.modules["IPython"] = shell()
        sys.modules["IPython.display"] = shows(pictures)
        scope: Dict[str, Any] = {"__name__": "notebook"}
        try:
            for code in code_of(notebook):
                exec(compile(code, notebook.name, "exec"), scope)
        finally:
            for name, module in replaced.items():
                sys.modules.pop(name, None)
                if module is not None:
                    sys.modules[name] = module
            if "spark" in scope:
                scope["spark"].stop()
        return pictures

    def test_cells_run_and_show_pictures(self) -> None:
        before = {name: os.environ.get(name) for name in SIZES}
        os.environ.update(SIZES)
        try:
            for notebook in NOTEBOOKS:
                with self.subTest(notebook.name):
                    plots = any("matplotlib" in code for code in code_of(notebook))
                    if plots and importlib.util.find_spec("matplotlib") is None:
                        self.skipTest("no matplotlib")
                    self.assertTrue(self.run_cells(notebook) or plots)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value


if __name__ == "__main__":
    unittest.main()
