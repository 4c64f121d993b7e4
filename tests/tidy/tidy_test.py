#!/usr/bin/env python3
"""Every check of tests/tidy can fail: made trees of a few lines, right but for one thing."""
import unittest

import calls
import documents
import layers
import messages
import model
import sizes
import stages
import tidy
from tree import Tree

LAYERS = """[layers]
"runtime/core" = ["schemas"]
"runtime/text" = ["schemas", "runtime/core"]
"runtime/cli"  = ["runtime/core", "runtime/text"]
"stages/*"     = ["runtime/core", "runtime/text"]
"bpf"          = []
"tests"        = ["*"]
"""
EXCEPTIONS = {"tests/tidy/exceptions.toml": ""}


def found(check, texts):
    """What a check says of a made tree, as `path:line` with the words."""
    return [str(finding) for finding in check(Tree(texts))]


class Layers(unittest.TestCase):
    def test_an_include_downwards_is_right(self):
        self.assertEqual(found(layers.check_includes, {
            "runtime/layers.toml": LAYERS,
            "runtime/text/a.cpp": '#include "runtime/core/result.h"\n#include <vector>\n',
            "tests/x/a.cpp": '#include "stages/infer/infer.h"\n'}), [])

    def test_an_include_upwards_is_found_at_its_line(self):
        said = found(layers.check_includes, {
            "runtime/layers.toml": LAYERS,
            "runtime/core/a.cpp": '// why\n#include "runtime/text/json.h"\n'})
        self.assertEqual(len(said), 1)
        self.assertIn("runtime/core/a.cpp:2: runtime/core may not use runtime/text", said[0])

    def test_no_stage_uses_another_and_the_command_line_uses_none(self):
        said = found(layers.check_includes, {
            "runtime/layers.toml": LAYERS,
            "stages/a/a.cpp": '#include "stages/a/a.h"\n#include "stages/b/b.h"\n',
            "runtime/cli/c.cpp": '#include "stages/b/b.h"\n'})
        self.assertEqual([line.split(":")[0] for line in said],
                         ["runtime/cli/c.cpp", "stages/a/a.cpp"])

    def test_a_folder_without_a_line_is_found(self):
        self.assertIn("no line", found(layers.check_includes, {
            "runtime/layers.toml": LAYERS, "runtime/junk/a.h": ""})[0])

    def test_a_target_links_what_its_folder_may_include(self):
        said = found(layers.check_links, {
            "runtime/layers.toml": LAYERS,
            "runtime/CMakeLists.txt":
                "add_layer(text USES core)\nadd_layer(core USES text)\n"
                "target_link_libraries(gala_runtime_text PUBLIC gala_runtime_core)\n"
                "target_link_libraries(gala_runtime_core PUBLIC spdlog\n gala_runtime_text)\n"})
        self.assertEqual(said, [f"runtime/CMakeLists.txt:{line}: core may not link text; "
                                f"see {layers.TABLE}" for line in (2, 4)])


class Users(unittest.TestCase):
    def tree(self, **more):
        return {"runtime/core/a.h": "", "runtime/core/a.cpp": '#include "runtime/core/b.h"\n',
                "runtime/core/b.h": "", "stages/s/main.cpp": '#include "runtime/core/a.h"\n',
                "stages/t/main.cpp": '#include "runtime/core/a.h"\n', **more}

    def test_a_file_that_two_stages_reach_stays(self):
        self.assertEqual(found(layers.check_users, self.tree()), [])

    def test_a_file_of_one_stage_belongs_there(self):
        said = found(layers.check_users, self.tree(**{"stages/t/main.cpp": ""}))
        self.assertEqual([line.split(":")[0] for line in said],
                         ["runtime/core/a.h", "runtime/core/b.h"])
        self.assertIn("only stages/s", said[0])

    def test_what_only_a_test_reaches_is_found(self):
        said = found(layers.check_users, self.tree(**{
            "runtime/core/c.h": "", "runtime/core/c_test.cpp": '#include "runtime/core/c.h"\n'}))
        self.assertEqual(len(said), 1)
        self.assertIn("no program reaches", said[0])


class Calls(unittest.TestCase):
    def test_each_banned_word_is_found_in_product_code(self):
        for words in ('std::system("ls");', 'popen("ls");', "std::cout << 1;", 'printf("x");',
                      "auto* a = new Thing();", "std::shared_ptr<int> a;",
                      "std::this_thread::sleep_for(1s);", "using namespace std;"):
            with self.subTest(words):
                said = found(calls.check_calls,
                             {**EXCEPTIONS, "stages/a/a.cpp": "\n" + words})
                self.assertEqual(len(said), 1)
                self.assertTrue(said[0].startswith("stages/a/a.cpp:2:"))

    def test_comments_texts_and_literals_are_no_calls(self):
        self.assertEqual(found(calls.check_calls, {**EXCEPTIONS, "stages/a/a.cpp": (
            '// a new thing, system(x)\nauto text = "printf(";\n/* shared_ptr\n */\n'
            "using namespace std::chrono_literals;\nfmt::vprintf(x);\n")}), [])

    def test_an_exception_is_used_or_deleted(self):
        entry = ('[[call]]\nword = "new"\npath = "stages/a/*.cpp"\nreason = "…"\n')
        tree = {"tests/tidy/exceptions.toml": entry, "stages/a/a.cpp": "auto a = new Thing;\n"}
        self.assertEqual(found(calls.check_calls, tree), [])
        self.assertIn("delete the exception",
                      found(calls.check_calls, {**tree, "stages/a/a.cpp": ""})[0])


class Messages(unittest.TestCase):
    ENVELOPE = "enum MessageType : ushort {\n  none = 0,\n  event = 1,\n  stage_status = 2,\n}\n"

    def tree(self, **more):
        event = 'file_identifier "GEVT";\nroot_type Event;\n'
        status = 'file_identifier "GSTA";\nroot_type StageStatus;\n'
        tree = {f"{folder}/{name}.fbs": text for folder in ("schemas/wire", "tests/wire-baseline")
                for name, text in (("event", event), ("stage_status", status),
                                   ("envelope", self.ENVELOPE))}
        tree["docs/wire.md"] = "| `GEVT` | `event` | … |\n| `GSTA` | `stage_status` | … |\n"
        tree["runtime/core/messages.h"] = "MessageType::event MessageType::stage_status"
        return {**tree, **more}

    def said(self, **more):
        return [text for check in messages.CHECKS for text in found(check, self.tree(**more))]

    def test_four_lists_that_agree(self):
        self.assertEqual(self.said(), [])

    def test_a_schema_without_a_message_type(self):
        self.assertIn("lacks trace", self.said(**{"schemas/wire/trace.fbs":
                      'file_identifier "GTRC";\nroot_type Trace;\n'})[0])

    def test_a_message_type_without_a_schema(self):
        said = self.said(**{"schemas/wire/envelope.fbs":
                            self.ENVELOPE.replace("}", "  trace = 3,\n}")})
        self.assertIn("schemas/wire/envelope.fbs:5: trace has no", said[0])

    def test_an_identifier_used_twice(self):
        self.assertTrue(any("names schemas/wire/event.fbs, too" in text for text in self.said(**{
            "schemas/wire/stage_status.fbs":
                'file_identifier "GEVT";\nroot_type StageStatus;\n'})))

    def test_a_baseline_that_lacks_a_message(self):
        tree = self.tree()
        del tree["tests/wire-baseline/event.fbs"]
        self.assertIn("missing", found(messages.check_baseline, tree)[0])

    def test_a_page_that_lacks_a_message_or_tells_a_wrong_one(self):
        said = self.said(**{"docs/wire.md": "| `GEVX` | `event` | … |\n"})
        self.assertEqual(len(said), 2)

    def test_two_lists_in_code(self):
        self.assertIn("one list suffices", self.said(**{
            "runtime/core/wire.cpp": "MessageType::event, MessageType::stage_status"})[0])


class Model(unittest.TestCase):
    FILE = "schemas/model/disk.toml"
    RIGHT = ('[entity]\nabout = "A."\nzh = "一。"\n[metric]\n'
             'util = { type = "gauge", unit = "%", about = "B.", zh = "二" }\n'
             '[[check]]\nid = "x"\ntext = "C."\nzh = "三"\n')

    def said(self, before, after):
        return [text for check in model.CHECKS
                for text in found(check, {self.FILE: self.RIGHT.replace(before, after)})]

    def test_a_complete_file(self):
        self.assertEqual(self.said("", ""), [])

    def test_a_metric_without_unit_or_text(self):
        self.assertEqual(self.said(', unit = "%"', ""),
                         [f"{self.FILE}:5: metric util has no `unit`"])
        self.assertEqual(self.said(', zh = "二"', ""),
                         [f"{self.FILE}:5: metric util has no `zh`"])

    def test_a_kind_of_relations_in_one_language(self):
        self.assertEqual(found(model.check_texts, {
            "schemas/model/relations.toml": '[kind.uses]\nabout = "A."\n'}),
            ["schemas/model/relations.toml:1: kind uses has no `zh`"])

    def test_a_sentence_in_one_language(self):
        self.assertEqual(self.said('zh = "三"\n', ""), [f"{self.FILE}:6: this check has no `zh`"])


class Stages(unittest.TestCase):
    TREE = {"stages/a/main.cpp": "", "stages/a/a.h": "", "stages/a/a.cpp": "",
            "stages/a/a_test.cpp": "", "stages/a/b.h": "",
            "stages/a/README.md": "| `a.{h,cpp}` | … |\n| `b.h` | … |\n"}

    def said(self, **more):
        return [text for check in stages.CHECKS for text in found(check, {**self.TREE, **more})]

    def test_a_stage_with_map_and_test(self):
        self.assertEqual(self.said(), [])

    def test_a_file_that_the_map_lacks(self):
        self.assertEqual(self.said(**{"stages/a/c.h": ""}),
                         ["stages/a/README.md:1: the map of files lacks `c`"])

    def test_an_offline_mode_is_mapped_by_its_own_page_or_by_its_stage(self):
        mode = {"stages/a/train/c.h": ""}
        self.assertEqual(self.said(**mode), ["stages/a/README.md:1: the map of files lacks `c`"])
        self.assertEqual(self.said(**mode, **{"stages/a/train/README.md": "`c`"}), [])
        self.assertEqual(self.said(**mode, **{"stages/a/train/README.md": ""}),
                         ["stages/a/train/README.md:1: the map of files lacks `c`"])

    def test_no_readme_no_test_too_long(self):
        lonely = {"stages/a/main.cpp": ""}
        self.assertIn("missing", found(stages.check_readme, lonely)[0])
        self.assertIn("no *_test.cpp", found(stages.check_tests, lonely)[0])
        self.assertIn("at most", self.said(**{
            "stages/a/README.md": self.TREE["stages/a/README.md"] + "\n" * 90})[0])


    def test_a_fuzz_target_has_inputs(self):
        tree = {"tests/fuzz/a_fuzz.cpp": "", "tests/fuzz/corpus/a_fuzz/1": ""}
        self.assertEqual(found(stages.check_fuzz_inputs, tree), [])
        for gone in tree:
            rest = {path: text for path, text in tree.items() if path != gone}
            self.assertEqual(len(found(stages.check_fuzz_inputs, rest)), 1)


class Documents(unittest.TestCase):
    TREE = {**EXCEPTIONS, "docs/a.md": "# A page\n", "stages/infer/main.cpp": "",
            "stages/infer/infer.h": 'Field{"hops"}',
            "runtime/cli/top_command.cpp": '"--since"',
            "schemas/model/disk.toml": "[metric]\nutil = {}\n",
            "docs/reference/pipelines.md": "| `pipeline.name` | |\n| `stages.<name>.run` | |\n"
                                           '## run = "infer"\n| `hops` | |\n'}

    def said(self, page, check):
        return found(check, {**self.TREE, "README.md": page})

    def assert_one(self, page, check, words):
        said = self.said(page, check)
        self.assertEqual(len(said), 1, said)
        self.assertIn(words, said[0])
        self.assertTrue(said[0].startswith("README.md:2:"), said)

    def test_all_that_exists(self):
        page = ("`docs/a.md`, [a](docs/a.md#a-page), `stages/*/main.cpp`, `stages/<name>/`, "
                "`docs/NAME`, "
                "`infer.h`, `gala top --since 1m`, gala-infer, gala_gopher_disk_util\n"
                '```toml\n[stages.x]\nrun = "infer"\nhops = 3\n```\n')
        for check in documents.CHECKS:
            self.assertEqual(self.said(page, check), [])

    def test_paths(self):
        self.assert_one("\nsee `docs/b.md`", documents.check_paths, "docs/b.md does not exist")
        self.assert_one("\n`stages/infer/{infer,x}.h`", documents.check_paths, "does not exist")
        self.assert_one("\n[b](docs/b.md)", documents.check_links, "docs/b.md does not exist")
        self.assert_one("\n[b](docs/a.md#b)", documents.check_links, "no heading")
        self.assert_one("\n`gone.cpp`", documents.check_source_names, "nowhere")

    def test_paths_that_are_excepted(self):
        said = found(documents.check_paths, {
            **self.TREE, "tests/tidy/exceptions.toml": '[[path]]\nname = "bpf/x/"\n',
            "README.md": "`bpf/x/x.bpf.c`, `bpf/xy.c`"})
        self.assertEqual(said, ["README.md:1: bpf/xy.c does not exist"])

    def test_paths_in_comments(self):
        said = found(documents.check_paths, {
            **self.TREE, "stages/infer/infer.h": '\n// see docs/b.md\nauto x = "docs/c.md";\n'})
        self.assertEqual(said, ["stages/infer/infer.h:2: docs/b.md does not exist"])

    def test_commands(self):
        self.assert_one("\n`gala tops`", documents.check_commands, "`gala tops` is no command")
        self.assert_one("\n    gala top --until 1m  # --x", documents.check_commands, "--until")

    def test_stages_and_metrics(self):
        self.assert_one("\n`gala-inferr`", documents.check_stage_names, "no stage inferr")
        self.assert_one("\n`l8-source`", documents.check_stage_names, "no stage l8-source")
        self.assert_one("\n`gala_gopher_disk_x`", documents.check_metric_names, "no metric")

    def test_pipelines(self):
        block = '\n```toml\n[stages.x]\nrun = "{}"\n{} = 3\n```\n'
        for run, key, words in (("infer", "jumps", "no key jumps"), ("x", "run2", "no stage x")):
            said = self.said(block.format(run, key), documents.check_pipeline_keys)
            self.assertTrue(any(words in text for text in said), said)
        self.assertIn("not TOML", self.said("\n```toml\n[stages.x]\nrun\n```\n",
                                            documents.check_pipeline_keys)[0])

    def test_an_exception_that_nothing_needs(self):
        said = found(documents.check_exceptions, {**self.TREE, "tests/tidy/exceptions.toml":
                     '[[metric]]\nname = "gala_gopher_x"\n'})
        self.assertIn("delete the exception", said[0])


class Sizes(unittest.TestCase):
    def said(self, check, path, text):
        return found(check, {**EXCEPTIONS, path: text})

    def test_columns(self):
        wide = "x y" * 40
        for path, fails in (("a.cpp", True), ("a.py", True), ("a.md", False)):
            said = self.said(sizes.check_columns, path, wide[:110])
            self.assertEqual(bool(said), fails, path)
        self.assertEqual(len(self.said(sizes.check_columns, "a.md", wide[:120] + "z")), 1)
        self.assertEqual(len(self.said(sizes.check_columns, "a.md", "结 果" * 30)), 1)

    def test_tables_code_and_links_may_be_wide(self):
        wide = "x y" * 50
        for page in ("| " + wide, "    " + wide, "```\n" + wide + "\n```", "- " + "x" * 200):
            self.assertEqual(self.said(sizes.check_columns, "a.md", page), [])

    def test_raw_literals_are_data(self):
        wide = 'auto a = R"(\n' + "x y" * 50 + '\n)";\n'
        self.assertEqual(self.said(sizes.check_columns, "a.cpp", wide), [])
        self.assertEqual(len(self.said(sizes.check_columns, "a.cpp", wide.replace("R", ""))), 1)

    def test_functions(self):
        def body(count):
            return "  if (x) {\n" + "    f();\n" * (count - 4) + "  }\n"
        head = "void f(int a,\n       int b) const {\n"
        self.assertEqual(self.said(sizes.check_functions, "a.cpp", head + body(60) + "}\n"), [])
        for text in (head + body(61) + "}\n",
                     "struct S {\n  auto f() -> int {\n" + body(61) + "  }\n};\n",
                     "int BPF_PROG(f)\n{\n" + body(61) + "}\n"):
            said = self.said(sizes.check_functions, "a.cpp", text)
            self.assertEqual(len(said), 1, text[:40])
            self.assertTrue(said[0].startswith("a.cpp:2: a function of 61 lines"), said)
        self.assertEqual(len(self.said(sizes.check_functions, "a.py",
                                       "def f():\n" + "    x()\n" * 60)), 1)

    def test_files(self):
        self.assertEqual(self.said(sizes.check_files, "a.cpp", "\n" * 400), [])
        self.assertEqual(len(self.said(sizes.check_files, "a.cpp", "\n" * 401)), 1)
        excepted = '[[long_file]]\npath = "a.cpp"\nreason = "…"\n'
        for lines, findings in ((401, 0), (400, 1)):
            said = found(sizes.check_files, {"tests/tidy/exceptions.toml": excepted,
                                             "a.cpp": "\n" * lines})
            self.assertEqual(len(said), findings)


class Pending(unittest.TestCase):
    ENTRY = '[[pending]]\ncheck = "x.y"\npath = "a*"\nat_most = 1\nreason = "…"\n'

    def test_it_holds_what_is_known_and_only_shrinks(self):
        tree = Tree({tidy.PENDING: self.ENTRY})
        known = ("x.y", tidy.Finding("a.cpp", 1, "…"))
        self.assertEqual(tidy.split_pending(tree, [known]), ([], 1))
        for findings in ([known, known], [], [("x.z", known[1])]):
            failing, _ = tidy.split_pending(tree, findings)
            self.assertTrue(failing)


if __name__ == "__main__":
    unittest.main()
