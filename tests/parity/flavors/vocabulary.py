"""Real tokenizers made from a small text, of the kinds that BERT, GPT-2 and T5 have."""

from __future__ import annotations

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = (
    "The quick brown fox jumps over the lazy dog, and the dog sleeps.",
    "Wine is made from grapes; red wine from dark ones, white wine from most.",
    "Paris is the capital of France. Berlin is the capital of Germany.",
    "Ana works for a bank in London and likes to travel by train.",
    "The film was wonderful, the food was terrible, and the weather was mild.",
    "A model answers questions, a server asks it, and a client waits.",
    "Ça va? Über alle Maßen gut, naïve café!",
)
_SIZE = 320


def wordpiece() -> PreTrainedTokenizerFast:
    """The words of the text and pieces of others, with [CLS] and [SEP] around a text, as BERT has it."""
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for line in TEXT for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line))}
    letters = {letter for word in words for letter in word}
    # In order: the library's trainer numbers the pieces in another order each time.
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words | letters | {f"##{c}" for c in letters})]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, pieces.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    )


def byte_pairs() -> PreTrainedTokenizerFast:
    """Pairs of bytes, as GPT-2 has them; with a chat template."""
    tokenizer = _byte_pairs(["<|end|>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
        model_max_length=96,
        chat_template="{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: ",
    )


def closed_byte_pairs() -> PreTrainedTokenizerFast:
    """The same with </s> after a text, as models with an encoder and a decoder want it."""
    tokenizer = _byte_pairs(["<pad>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>", model_max_length=64)


def _byte_pairs(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(
            vocab_size=_SIZE, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
        ),
    )
    return tokenizer
