"""Messages become the text a model reads, whatever its template can and cannot do."""

import re
from pathlib import Path

import pytest

from steerbench.errors import UserError
from steerbench.models.chat_template import chat_template
from steerbench.testing.tiny_models import TEMPLATE, tiny_tokenizer

NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[model]{% endif %}"
)
SILENT_ON_SYSTEM = NO_SYSTEM.replace("{{ raise_exception('System role not supported') }}", "{% continue %}")
ALTERNATING = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
)
CONVERSATION = (("system", "Be kind."), ("user", "Hello."), ("assistant", "Hi."), ("user", "Who are you?"))


def test_messages_are_rendered_up_to_where_the_answer_starts() -> None:
    template = chat_template(tiny_tokenizer(), None, "tiny")
    assert template.render(CONVERSATION[:2]) == "<|system|>Be kind.</s><|user|>Hello.</s><|assistant|>"


@pytest.mark.parametrize("text", [NO_SYSTEM, SILENT_ON_SYSTEM])
def test_system_text_opens_the_first_user_message_where_there_is_no_system_role(text: str) -> None:
    template = chat_template(tiny_tokenizer(text), None, "tiny")
    assert template.render(CONVERSATION) == "[user]Be kind.\n\nHello.[assistant]Hi.[user]Who are you?[model]"


def test_system_text_alone_becomes_a_user_message_where_there_is_no_system_role() -> None:
    template = chat_template(tiny_tokenizer(NO_SYSTEM), None, "tiny")
    assert template.render((("system", "Be kind."),)) == "[user]Be kind.[model]"


def test_a_file_replaces_the_models_own_template(tmp_path: Path) -> None:
    file = tmp_path / "plain.jinja"
    file.write_text("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
    own, given = (chat_template(tiny_tokenizer(), path, "tiny") for path in (None, file))
    assert given.render((("user", "Hello."),)) == "user: Hello.\n"
    assert own.text == TEMPLATE
    assert own.digest != given.digest


def test_a_model_without_a_template_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"'base-model' has no chat template.*--chat-template FILE"):
        chat_template(tiny_tokenizer(None), None, "base-model")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% for m in messages %}{{ m.content }}", "does not work: .*endfor"),
        ("{{ messages[5].content }}", "does not work: .*no element 5"),
        ("{{ 1 / 0 }}", "does not work: .*division"),
        ("Once upon a time", "leaves out"),
        ("{{ messages[0].content }}", "leaves out"),
    ],
)
def test_a_file_that_is_no_working_template_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken.jinja"
    file.write_text(text)
    with pytest.raises(UserError, match=rf"broken\.jinja {said}"):
        chat_template(tiny_tokenizer(), file, "tiny")


def test_a_template_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.jinja cannot be read"):
        chat_template(tiny_tokenizer(), tmp_path / "missing.jinja", "tiny")
    (tmp_path / "binary.jinja").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"binary\.jinja cannot be read"):
        chat_template(tiny_tokenizer(), tmp_path / "binary.jinja", "tiny")


def test_messages_the_template_refuses_are_a_users_error() -> None:
    template = chat_template(tiny_tokenizer(ALTERNATING), None, "tiny")
    with pytest.raises(UserError, match=r"refuses a conversation of user, user: Roles must alternate"):
        template.render((("user", "One."), ("user", "Two.")))


def test_a_model_that_can_think_first_is_asked_not_to() -> None:
    text = "{% for m in messages %}{{ m.content }}{% endfor %}{% if enable_thinking is false %}[answer]{% endif %}"
    assert chat_template(tiny_tokenizer(text), None, "tiny").render((("user", "Hello."),)) == "Hello.[answer]"


PARTS = "{% for p in m['content'] %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"{{% for m in messages %}}[{{{{ m.role }}}}]{PARTS}{{% endfor %}}", "leaves out what the messages say"),
        ("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", "leaves out what the messages say"),
        ("{% for m in messages %}{{ ([] + m['content'])[0].text }}{% endfor %}", "does not work: can only concatenate"),
        ("{% for m in messages %}{{ m.content.nothing.there }}{% endfor %}", "does not work"),
        ("{{ messages[0].content }", "does not work"),
        ("{{ 1 / 0 }}", "does not work: division by zero"),
        (
            "{{ raise_exception('Ask in turns.') }}",
            "does not work: Ask in turns; give another with --chat-template FILE",
        ),
    ],
)
def test_a_models_own_template_is_held_to_what_a_template_file_is(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=rf"^The chat template of the model 'tiny' {re.escape(sentence)}[^\n]*\.$"):
        chat_template(tiny_tokenizer(text), None, "tiny")
    (tmp_path / "mine.jinja").write_text(text)
    with pytest.raises(UserError, match=r"^The chat template [^\n]*mine\.jinja [^\n]*\.$"):
        chat_template(tiny_tokenizer(), tmp_path / "mine.jinja", "tiny")


def test_several_templates_without_a_default_are_named() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = {"rag": TEMPLATE, "tool_use": TEMPLATE}
    with pytest.raises(UserError, match=r"several chat templates \(rag, tool_use\) and none of them is its default"):
        chat_template(tokenizer, None, "tiny")


def test_any_error_of_a_template_is_the_users_to_mend() -> None:
    fails_later = TEMPLATE + "{% if messages | length > 2 %}{{ messages[9].content.strip() }}{% endif %}"
    template = chat_template(tiny_tokenizer(fails_later), None, "tiny")
    with pytest.raises(UserError, match=r"refuses a conversation of user, assistant, user: "):
        template.render((("user", "One."), ("assistant", "Two."), ("user", "Three.")))


THINKS = TEMPLATE + "{% if add_generation_prompt %}<think>\n{% endif %}"


def test_thoughts_that_a_template_opens_whatever_it_is_told_are_closed_where_the_answer_starts() -> None:
    template = chat_template(tiny_tokenizer(THINKS), None, "tiny")
    asked = (("user", "Pick one."),)
    assert template.opens_thoughts
    assert template.render(asked) == "<|user|>Pick one.</s><|assistant|><think>\n\n</think>\n\n"
    assert template.render(asked, thinking=True) == "<|user|>Pick one.</s><|assistant|><think>\n"


def test_thoughts_spelled_in_a_message_open_none() -> None:
    asked = (("user", "What does <think> mean?"),)
    template = chat_template(tiny_tokenizer(), None, "tiny")
    assert template.render(asked) == template.render(asked, thinking=True)
    told = chat_template(tiny_tokenizer(TEMPLATE + "{# it may write <think> #}"), None, "tiny")
    assert told.render(asked) == template.render(asked)
