// One walk over the characters, which knows strings and comments but no grammar.
#include "runtime/core/toml_limits.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace gala {
namespace {

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f;
}

/// Between the dots of a key stand words, texts and blanks.
bool may_stand_in_key(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '_' || character == '-' ||
         character == ' ' || character == '\t';
}

class Walk {
 public:
  explicit Walk(const SourceText& source) : file_(source.file), text_(source.text) {}

  std::optional<Diagnostic> first_refusal() {
    for (at_ = 0; at_ < text_.size() && !refusal_; ++at_) {
      const char character = text_[at_];
      if (is_control(character)) {
        refuse("a control character (byte " +
               std::to_string(static_cast<unsigned char>(character)) +
               ") is not allowed in TOML; remove it or write it as \\u00XX");
      } else if (!quote_.empty()) {
        in_text(character);
      } else if (!in_comment_) {
        outside(character);
      }
      advance(character);
    }
    return refusal_;
  }

 private:
  void outside(char character) {
    if (character == '"' || character == '\'') {
      const std::string_view three = text_.substr(at_, 3);
      const bool many_lines = three.size() == 3 && three[1] == character && three[2] == character;
      quote_ = many_lines ? three : three.substr(0, 1);
      skip_ = quote_.size() - 1;
      return;
    }
    if (character == '.') {
      if (++dots_ >= most_key_parts) {
        refuse("a key with more than " + std::to_string(most_key_parts) +
               " parts; no file of ours has such keys");
      }
      return;
    }
    if (may_stand_in_key(character)) {
      return;
    }
    dots_ = 0;
    in_comment_ = character == '#';
    if (character == '[' || character == '{') {
      if (++nesting_ > deepest_toml_nesting) {
        refuse("lists and tables nested deeper than " + std::to_string(deepest_toml_nesting) +
               "; is a bracket not closed?");
      }
    } else if (character == ']' || character == '}') {
      nesting_ -= std::min<std::size_t>(nesting_, 1);
    }
  }

  void in_text(char character) {
    if (skip_ > 0) {
      --skip_;
    } else if (character == '\\' && quote_.front() == '"') {
      skip_ = 1;
    } else if (text_.substr(at_).starts_with(quote_)) {
      // Up to two quotes before the three that end it are part of the text.
      const std::size_t quotes =
          std::min(text_.find_first_not_of(character, at_), text_.size()) - at_;
      skip_ = quote_.size() == 1 ? 0 : std::min<std::size_t>(quotes, 5) - 1;
      quote_ends_ = true;
    } else if (character == '\n' && quote_.size() == 1) {
      quote_ = {};  // The parser reports it.
    }
    if (quote_ends_ && skip_ == 0) {
      quote_ends_ = false;
      quote_ = {};
    }
  }

  void advance(char character) {
    if (character == '\n') {
      ++line_;
      column_ = 1;
      in_comment_ = false;
      return;
    }
    // Columns count characters, as editors do: continuation bytes of UTF-8 do not start one.
    column_ += (static_cast<unsigned char>(character) & 0xc0U) == 0x80 ? 0 : 1;
  }

  void refuse(std::string text) {
    refusal_ = Diagnostic{{file_, line_, column_}, std::move(text), false};
  }

  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
  unsigned column_ = 1;
  bool in_comment_ = false;
  /// What ends the text that the walk is in; empty outside.
  std::string_view quote_;
  bool quote_ends_ = false;
  /// Characters of a text that mean nothing: the rest of its quotes, what is escaped.
  std::size_t skip_ = 0;
  std::size_t dots_ = 0;
  std::size_t nesting_ = 0;
  std::optional<Diagnostic> refusal_;
};

}  // namespace

std::optional<Diagnostic> refused_toml(const SourceText& source) {
  if (source.text.size() > most_toml_bytes) {
    return Diagnostic{{source.file, 0, 0},
                      "has " + std::to_string(source.text.size()) + " bytes, more than " +
                          std::to_string(most_toml_bytes) + "; is it a TOML file of ours?",
                      false};
  }
  return Walk(source).first_refusal();
}

}  // namespace gala
