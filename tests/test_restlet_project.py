"""The RESTlet's project: exported whole, deployable by its files, and a role that is just enough to bill."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from demo_company import Company, demo_company

from nsbill.cli import cli
from nsbill.errors import NsbillError
from nsbill.netsuite import restlet
from nsbill.netsuite.restlet import PROJECT, VERSION, export_project, project_files
from nsbill.settings import Settings
from nsbill.simulator import permissions, tables

SOURCE = PROJECT / "src"
OBJECTS = sorted((SOURCE / "Objects").glob("*.xml"))
SCRIPTS = sorted((SOURCE / "FileCabinet").rglob("*.js"))
SCRIPT_TYPES = {"restlet": "Restlet", "scheduledscript": "ScheduledScript"}
N_MODULES = {"N/config", "N/error", "N/format", "N/log", "N/runtime", "N/search"}


def exported(directory: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["restlet", "export", str(directory), *options])
    if isinstance(result.exception, NsbillError):
        return 2, str(result.exception)
    assert result.exception is None, result.exception
    return result.exit_code, result.output


def role_permissions() -> list[tuple[str, str]]:
    role = ET.parse(SOURCE / "Objects" / "customrole_nsbill.xml").getroot()
    return [
        (one.findtext("permkey", ""), one.findtext("permlevel", "")) for one in role.iterfind("permissions/permission")
    ]


def test_the_export_holds_what_netsuite_needs_and_nothing_else(tmp_path: Path) -> None:
    code, said = exported(tmp_path / "out")
    assert code == 0
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    sources = {path.relative_to(PROJECT).as_posix() for path in SOURCE.rglob("*") if path.is_file()}
    assert found == sources | {"suitecloud.config.js", ".gitignore"}
    for name in sources:
        assert (tmp_path / "out" / name).read_bytes() == (PROJECT / name).read_bytes()
    assert "project.json" in (tmp_path / "out" / ".gitignore").read_text()
    for command in ("npm install -g @oracle/suitecloud-cli", "account:setup", "project:validate", "project:deploy"):
        assert command in said
    assert f"cd {tmp_path / 'out'}" in said


def test_a_folder_with_something_in_it_is_left_alone_unless_forced(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    code, said = exported(tmp_path)
    assert (code, list(tmp_path.iterdir())) == (2, [mine])
    assert "is not empty. Choose another folder, or add --force." in said
    assert exported(tmp_path, "--force")[0] == 0
    (tmp_path / "suitecloud.config.js").write_text("old")
    assert exported(tmp_path, "--force")[0] == 0
    assert (tmp_path / "suitecloud.config.js").read_bytes() == (PROJECT / "suitecloud.config.js").read_bytes()
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = exported(tmp_path / "file" / "out")
    assert code == 2
    assert "cannot be written: Not a directory. Choose another folder." in said


def test_an_interrupted_export_leaves_each_file_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "suitecloud.config.js").write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        export_project(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"suitecloud.config.js": "old"}


@pytest.mark.parametrize("path", [SOURCE / "manifest.xml", SOURCE / "deploy.xml", *OBJECTS], ids=lambda path: path.name)
def test_every_xml_file_is_well_formed(path: Path) -> None:
    assert len(ET.parse(path).getroot()) > 0


@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)
def test_every_object_has_the_script_id_of_its_file(path: Path) -> None:
    assert ET.parse(path).getroot().get("scriptid") == path.stem


def test_script_ids_are_unique_and_short_enough_for_netsuite() -> None:
    ids = [one.get("scriptid", "") for path in OBJECTS for one in ET.parse(path).iter() if one.get("scriptid")]
    assert len(set(ids)) == len(ids) == 7
    for script_id in ids:
        assert re.fullmatch(r"(customscript|customdeploy|customrole|custscript)_nsbill\w*", script_id)
        assert len(script_id) <= 40, "netsuite 7.4"
    (search,) = re.findall(r"customsearch_\w+", (SCRIPTS[0].parent / "nsbill_make_search.js").read_text())
    assert len(search) <= 40


def test_the_manifest_is_an_account_customization_and_deploy_names_what_is_there() -> None:
    assert ET.parse(SOURCE / "manifest.xml").getroot().get("projecttype") == "ACCOUNTCUSTOMIZATION"
    deploy = ET.parse(SOURCE / "deploy.xml").getroot()
    assert [part.tag for part in deploy] == ["files", "objects"], "files before the objects that point to them"
    for path in deploy.iter("path"):
        assert path.text is not None
        assert list(SOURCE.glob(path.text.removeprefix("~/"))), path.text


@pytest.mark.parametrize(
    "path", [path for path in OBJECTS if path.stem.startswith("customscript")], ids=lambda path: path.name
)
def test_every_script_object_points_to_a_script_of_its_type(path: Path) -> None:
    root = ET.parse(path).getroot()
    file = root.findtext("scriptfile", "")
    assert re.fullmatch(r"\[/SuiteScripts/nsbill/\w+\.js\]", file)
    text = (SOURCE / "FileCabinet" / file.strip("[]/")).read_text()
    assert f"@NScriptType {SCRIPT_TYPES[root.tag]}\n" in text
    assert root.findtext(".//scriptdeployment/isdeployed") == "T"


def test_the_restlet_is_released_to_the_role_of_the_project_only() -> None:
    (deployment,) = ET.parse(SOURCE / "Objects" / "customscript_nsbill_restlet.xml").iter("scriptdeployment")
    assert deployment.findtext("status") == "RELEASED"
    assert deployment.findtext("audslctrole") == "[scriptid=customrole_nsbill]"
    assert deployment.find("allroles") is None, "netsuite 7.4"
    assert deployment.findtext("allemployees") == deployment.findtext("allpartners") == "F"


def test_the_search_maker_runs_by_hand_only() -> None:
    (deployment,) = ET.parse(SOURCE / "Objects" / "customscript_nsbill_make_search.xml").iter("scriptdeployment")
    assert deployment.findtext("status") == "NOTSCHEDULED"
    assert deployment.find("recurrence") is None


def test_the_settings_point_to_the_objects_of_the_project() -> None:
    names = {path.stem for path in OBJECTS}
    assert Settings.model_fields["script"].default in names
    deployed = ET.parse(SOURCE / "Objects" / "customscript_nsbill_restlet.xml").find(".//scriptdeployment")
    assert deployed is not None
    assert deployed.get("scriptid") == Settings.model_fields["deploy"].default
    field = ET.parse(SOURCE / "Objects" / "customscript_nsbill_make_search.xml").findtext(".//defaultvalue")
    assert field == Settings.model_fields["amazon_order_id_field"].default


def test_script_package_and_contract_speak_one_version_of_the_protocol() -> None:
    script = (SCRIPTS[0].parent / "nsbill_restlet.js").read_text()
    assert re.findall(r"VERSION = '([\d.]+)'", script) == [VERSION]
    package = json.loads((PROJECT / "jest" / "package.json").read_text())
    assert package["version"] == VERSION
    for path in restlet.CONTRACT.glob("*.json"):
        assert {vector["expect"]["version"] for vector in json.loads(path.read_text())} == {VERSION}


def test_every_contract_vector_says_what_is_asked_and_what_is_expected() -> None:
    vectors = [vector for path in restlet.CONTRACT.glob("*.json") for vector in json.loads(path.read_text())]
    assert len(vectors) >= 30
    assert len({vector["name"] for vector in vectors}) == len(vectors)
    for vector in vectors:
        assert vector["method"] in {"GET", "POST"}
        assert vector["expect"]["ok"] is ("result" in vector["expect"]) is not ("error" in vector["expect"])
        if vector["request"].get("action") == "page" and vector["expect"]["ok"]:
            assert {"search", "records", "results"} <= vector.keys()
            assert vector["expect"]["result"]["count"] == len(vector["results"])


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_loads_in_netsuite(path: Path) -> None:
    """Headers, and dependencies that are there: NetSuite's own by name, the project's beside it (netsuite 7.4, 10)."""
    text = path.read_text()
    assert "@NApiVersion 2.1\n" in text
    assert "@NModuleScope SameAccount\n" in text
    head = re.search(r"define\(\s*\[([^\]]*)\],\s*\(([^)]*)\)", text)
    assert head is not None
    dependencies = re.findall(r"'([^']+)'", head[1])
    names = [name for name in re.split(r",\s*", head[2].strip()) if name]
    assert len(dependencies) == len(names), "each dependency has a name, in order"
    for dependency, name in zip(dependencies, names, strict=True):
        if dependency.startswith("./"):
            assert (path.parent / f"{dependency}.js").is_file(), dependency
        else:
            assert dependency in N_MODULES
            assert name == dependency.removeprefix("N/")
        assert re.search(rf"\b{name}\.", text), f"{name} is not used"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_uses_what_graaljs_in_netsuite_lacks(path: Path) -> None:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    lacking = r"\bfunction\s*\*|\byield\b|\bfor\s*\([^)]*\bof\b|\basync\b|\bawait\b|\bfetch\(\s*['\"`]|URLSearchParams|Symbol\.|\bconsole\.|\bimport\b|\bexport\b|\brequire\("
    assert re.findall(lacking, code) == []
    for module in ("log", "util"):
        if re.search(rf"(?<![\w.]){module}\.", code):
            assert f"'N/{module}'" in code, f"the global {module} is not there in tests"
    assert len(path.read_text().splitlines()) <= 200


def test_the_role_names_each_permission_once_at_a_level_that_exists() -> None:
    held = role_permissions()
    assert len(dict(held)) == len(held) > 10
    assert {level for _, level in held} <= set(permissions.LEVELS) - {"NONE"}
    assert "FULL" not in {level for key, level in held if key.startswith("TRAN_")}, "nothing is deleted"


def test_the_role_explains_both_ways_to_sign_in() -> None:
    text = (SOURCE / "Objects" / "customrole_nsbill.xml").read_text()
    assert {"ADMI_LOGIN_OAUTH", "ADMI_LOGIN_OAUTH2"} <= dict(role_permissions()).keys()
    assert re.search(r"<!--.*OAuth 2\.0.*ADMI_LOGIN_OAUTH2.*TBA.*ADMI_LOGIN_OAUTH\b.*-->", text)


def test_the_files_that_do_not_go_to_netsuite_are_not_exported() -> None:
    assert {name.split("/")[0] for name in project_files()} == {"src", "suitecloud.config.js", ".gitignore"}
    assert restlet.CONTRACT.is_dir()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as made:
        books = tables.connect(made.workspace / "simulator.db")
        (role,) = books.execute("SELECT role FROM credential").fetchone()
        books.close()
        made.simulator.control("roles", {"role": role, "permissions": dict(role_permissions())})
        yield made


def test_the_role_is_enough_to_choose_a_search_bill_and_reconcile(company: Company) -> None:
    with company.desk() as desk:
        desk.save_settings(saved_search="customsearch_nsbill_orders_to_bill", billing_status="pending-billing")
        plan = desk.preview()
        assert len(plan.to_bill) > 0
        desk.bill(plan)
        assert sum(company.bills().values()) >= len(plan.to_bill)
        assert len(desk.reconcile().statement) > 0
