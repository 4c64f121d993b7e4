// SQL without values: one pass over the text, literals left out as they are met.
#include "stages/l7-source/protocols/sql/sql_shape.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

namespace {

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }

bool same_word(std::string_view word, std::string_view upper) {
  return std::ranges::equal(
      word, upper, [](char a, char b) { return std::toupper(static_cast<unsigned char>(a)) == b; });
}

/// What has been written of the shape.
class Shape {
 public:
  void blank() { blank_ = true; }

  void value() {
    drop_sign();
    blank_ = blank_ && !text_.empty() && text_.back() != '(';
    // "?, ?" says no more than "?".
    if (text_.ends_with("?, ")) {
      text_.resize(text_.size() - 2);
      blank_ = false;
      return;
    }
    if (blank_ && text_.back() != ' ') {
      text_ += ' ';
    }
    blank_ = false;
    text_ += '?';
  }

  void mark(char c) {
    if (c == ',' || c == ')' || c == '(' || c == ';') {
      if (text_.ends_with(' ')) {
        text_.pop_back();
      }
      if (c == '(' && (blank_ || text_.ends_with(','))) {
        text_ += ' ';
      }
      blank_ = false;
      text_ += c;
      if (c == ',') {
        text_ += ' ';
      }
      // "(?), (?)" is a list of rows.
      if (c == ')' && text_.ends_with("(?), (?)")) {
        text_.resize(text_.size() - 5);
      }
      return;
    }
    write(std::string_view(&c, 1));
  }

  void word(std::string_view word) {
    const bool keyword_value =
        same_word(word, "NULL") || same_word(word, "TRUE") || same_word(word, "FALSE");
    if (keyword_value && after_one_of("(,=")) {
      value();
      return;
    }
    write(word);
  }

  [[nodiscard]] bool full() const { return text_.size() >= longest_api; }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  void shorten(std::size_t size) { text_.resize(std::min(size, text_.size())); }

  std::string take() {
    shorten(longest_api);
    while (!text_.empty() && (text_.back() == ' ' || text_.back() == ';')) {
      text_.pop_back();
    }
    return std::move(text_);
  }

 private:
  void write(std::string_view piece) {
    if (blank_ && !text_.empty() && text_.back() != '(' && text_.back() != ' ') {
      text_ += ' ';
    }
    blank_ = false;
    for (const char c : piece) {
      const bool plain = c >= ' ' && c < 0x7f;
      if (plain || !text_.ends_with('_')) {
        text_ += plain ? c : '_';
      }
    }
  }

  [[nodiscard]] bool after_one_of(std::string_view marks) const {
    const auto last = text_.find_last_not_of(' ');
    return last != std::string::npos && marks.find(text_[last]) != std::string_view::npos;
  }

  /// A sign that stands where a value begins belongs to the value.
  void drop_sign() {
    if (text_.empty() || (text_.back() != '-' && text_.back() != '+')) {
      return;
    }
    const auto before = text_.find_last_not_of(' ', text_.size() - 2);
    if (text_.size() >= 2 && before != std::string::npos &&
        std::string_view("(,=<>").find(text_[before]) != std::string_view::npos) {
      text_.pop_back();
    }
  }

  std::string text_;
  bool blank_ = false;
};

class Reader {
 public:
  Reader(std::string_view text, SqlDialect dialect) : text_(text), dialect_(dialect) {}

  std::string shape(bool complete) {
    while (at_ < text_.size() && !shape_.full() && !doubtful_) {
      word_begin_ = shape_.size();
      next();
    }
    if (!complete && at_ >= text_.size() && cut_in_word_) {
      shape_.shorten(word_begin_);
    }
    return shape_.take();
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool starts(std::string_view with) const {
    return text_.substr(at_).starts_with(with);
  }

  void next() {
    cut_in_word_ = false;
    const char c = peek();
    if (is_blank(c)) {
      ++at_;
      shape_.blank();
    } else if (comment()) {
      shape_.blank();
    } else if (c == '\'' || (c == '"' && dialect_ == SqlDialect::mysql)) {
      literal(c);
    } else if (c == '"' || c == '`') {
      quoted_name(c);
    } else if (c == '$' && dialect_ == SqlDialect::postgresql) {
      dollar();
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)) && !after_name_)) {
      number();
    } else if (is_letter(c)) {
      word();
    } else {
      ++at_;
      after_name_ = false;
      c == '?' ? shape_.value() : shape_.mark(c);
    }
  }

  bool comment() {
    if (starts("--") && (dialect_ == SqlDialect::postgresql || is_blank(peek(2)))) {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (peek() == '#' && dialect_ == SqlDialect::mysql) {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (!starts("/*")) {
      return false;
    }
    // PostgreSQL's comments nest; to count in MySQL too would hide what follows, which is safe.
    int depth = 0;
    do {
      if (starts("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    return true;
  }

  void literal(char quote) {
    shape_.value();
    after_name_ = false;
    std::size_t backslashes = 0;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote && backslashes % 2 == 1) {
        doubtful_ = true;
        return;
      }
      if (c == quote && peek(1) != quote) {
        ++at_;
        return;
      }
      if (c == quote) {
        ++at_;
      }
      backslashes = c == '\\' ? backslashes + 1 : 0;
    }
  }

  void quoted_name(char quote) {
    const std::size_t begin = at_;
    at_ = std::min(text_.find(quote, at_ + 1), text_.size() - 1) + 1;
    shape_.word(text_.substr(begin, at_ - begin));
    after_name_ = true;
    cut_in_word_ = at_ >= text_.size();
  }

  /// "$1", or a text between two "$tag$".
  void dollar() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) {
      ++end;
    }
    after_name_ = false;
    shape_.value();
    if (end < text_.size() && text_[end] == '$' && !is_digit(peek(1))) {
      const std::string_view tag = text_.substr(at_, end + 1 - at_);
      const std::size_t close = text_.find(tag, end + 1);
      at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
      return;
    }
    at_ = end;
  }

  void number() {
    shape_.value();
    after_name_ = false;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool exponent_sign =
          (c == '-' || c == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
      if (!is_digit(c) && !is_letter(c) && c != '.' && !exponent_sign) {
        return;
      }
      ++at_;
    }
  }

  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '$')) {
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    // x'…', b'…', e'…', n'…': the letter is a part of the literal.
    if (peek() == '\'' && word.size() == 1) {
      literal('\'');
      return;
    }
    shape_.word(word);
    after_name_ = true;
    cut_in_word_ = at_ >= text_.size();
  }

  std::string_view text_;
  SqlDialect dialect_;
  std::size_t at_ = 0;
  std::size_t word_begin_ = 0;
  bool after_name_ = false;
  bool cut_in_word_ = false;
  bool doubtful_ = false;
  Shape shape_;
};

}  // namespace

std::string sql_shape(std::string_view text, SqlDialect dialect, bool complete) {
  return Reader(text, dialect).shape(complete);
}

}  // namespace gala::l7_source
