// A small recursive-descent parser and its evaluation.
#include "runtime/cli/filter.h"

#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace gala {

enum class Operation : std::uint8_t {
  both,
  either,
  negation,
  equal,
  unequal,
  less,
  at_most,
  greater,
  at_least,
  contains,
};

struct Filter::Node {
  Operation operation = Operation::equal;
  std::vector<std::string> path;
  nlohmann::ordered_json value;
  std::unique_ptr<Node> left;
  std::unique_ptr<Node> right;
};

namespace {

using Node = Filter::Node;
using NodePointer = std::unique_ptr<Node>;

struct Symbol {
  std::string_view text;
  Operation operation;
};

// Longer symbols first: "<=" must not be read as "<".
constexpr std::array symbols{
    Symbol{"==", Operation::equal},   Symbol{"!=", Operation::unequal},
    Symbol{"<=", Operation::at_most}, Symbol{">=", Operation::at_least},
    Symbol{"<", Operation::less},     Symbol{">", Operation::greater},
    Symbol{"~", Operation::contains},
};

constexpr int deepest_nesting = 50;

bool is_word_character(char character) {
  return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '_' ||
         character == '-';
}

NodePointer join(Operation operation, NodePointer left, NodePointer right) {
  auto node = std::make_unique<Node>();
  node->operation = operation;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePointer> parse() {
    NodePointer root = TRY(either());
    skip_spaces();
    if (at_ != text_.size()) {
      return error("expected `and`, `or` or the end");
    }
    return root;
  }

 private:
  tl::unexpected<Error> error(std::string_view what) const {
    return fail("in --where: " + std::string(what) + "\n    " + std::string(text_) + "\n    " +
                std::string(at_, ' ') + "^");
  }

  void skip_spaces() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      ++at_;
    }
  }

  bool take_symbol(std::string_view symbol) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(symbol)) {
      return false;
    }
    at_ += symbol.size();
    return true;
  }

  bool take_word(std::string_view word) {
    skip_spaces();
    const std::size_t end = at_ + word.size();
    const bool found = text_.substr(at_).starts_with(word) &&
                       (end == text_.size() || !is_word_character(text_[end]));
    at_ = found ? end : at_;
    return found;
  }

  Result<NodePointer> either() {
    NodePointer left = TRY(both());
    while (take_word("or")) {
      NodePointer right = TRY(both());
      left = join(Operation::either, std::move(left), std::move(right));
    }
    return left;
  }

  Result<NodePointer> both() {
    NodePointer left = TRY(term());
    while (take_word("and")) {
      NodePointer right = TRY(term());
      left = join(Operation::both, std::move(left), std::move(right));
    }
    return left;
  }

  Result<NodePointer> term() {
    if (depth_ >= deepest_nesting) {
      return error("too deeply nested");
    }
    ++depth_;
    NodePointer node;
    if (take_word("not")) {
      node = join(Operation::negation, TRY(term()), nullptr);
    } else if (take_symbol("(")) {
      node = TRY(either());
      if (!take_symbol(")")) {
        return error("expected `)`");
      }
    } else {
      node = TRY(comparison());
    }
    --depth_;
    return node;
  }

  Result<NodePointer> comparison() {
    auto node = std::make_unique<Node>();
    node->path = TRY(path());
    node->operation = TRY(operation());
    node->value = TRY(value());
    return node;
  }

  Result<std::vector<std::string>> path() {
    std::vector<std::string> names;
    skip_spaces();
    do {
      const std::size_t start = at_;
      while (at_ < text_.size() && is_word_character(text_[at_])) {
        ++at_;
      }
      if (at_ == start) {
        return error(R"(expected the name of a field, like entity or latency.p95)");
      }
      names.emplace_back(text_.substr(start, at_ - start));
    } while (take_symbol("."));
    return names;
  }

  Result<Operation> operation() {
    for (const Symbol& symbol : symbols) {
      if (take_symbol(symbol.text)) {
        return symbol.operation;
      }
    }
    return error("expected one of == != < <= > >= ~");
  }

  Result<nlohmann::ordered_json> value() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote == '"' || quote == '\'') {
      const std::size_t end = text_.find(quote, at_ + 1);
      if (end == std::string_view::npos) {
        return error("this text has no closing quote");
      }
      const std::string content(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return nlohmann::ordered_json(content);
    }
    if (take_word("true")) {
      return nlohmann::ordered_json(true);
    }
    if (take_word("false")) {
      return nlohmann::ordered_json(false);
    }
    if (take_word("null")) {
      return nlohmann::ordered_json(nullptr);
    }
    double number = 0;
    const char* begin = text_.data() + at_;
    const auto [end, status] = std::from_chars(begin, text_.data() + text_.size(), number);
    if (status != std::errc{}) {
      return error(R"(expected a number, a quoted text ("…"), true, false or null)");
    }
    at_ += static_cast<std::size_t>(end - begin);
    return nlohmann::ordered_json(number);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

const nlohmann::ordered_json* find(const nlohmann::ordered_json& object,
                                   const std::vector<std::string>& path) {
  const nlohmann::ordered_json* at = &object;
  for (const std::string& name : path) {
    if (!at->is_object()) {
      return nullptr;
    }
    const auto found = at->find(name);
    if (found == at->end()) {
      return nullptr;
    }
    at = &*found;
  }
  return at;
}

bool contains(const nlohmann::ordered_json& field, const nlohmann::ordered_json& value) {
  if (field.is_array()) {
    for (const nlohmann::ordered_json& item : field) {
      if (item == value) {
        return true;
      }
    }
    return false;
  }
  const auto* text = field.get_ptr<const std::string*>();
  const auto* part = value.get_ptr<const std::string*>();
  return text != nullptr && part != nullptr && text->find(*part) != std::string::npos;
}

bool compare(const Node& node, const nlohmann::ordered_json& field) {
  const nlohmann::ordered_json& value = node.value;
  // Order is only between two numbers or two texts; everything else is merely equal or not.
  const bool ordered =
      (field.is_number() && value.is_number()) || (field.is_string() && value.is_string());
  switch (node.operation) {
    case Operation::equal:
      return field == value;
    case Operation::unequal:
      return field != value;
    case Operation::less:
      return ordered && field < value;
    case Operation::at_most:
      return ordered && field <= value;
    case Operation::greater:
      return ordered && field > value;
    case Operation::at_least:
      return ordered && field >= value;
    case Operation::contains:
      return contains(field, value);
    case Operation::both:
    case Operation::either:
    case Operation::negation:
      break;
  }
  return false;
}

bool evaluate(const Node& node, const nlohmann::ordered_json& object) {
  switch (node.operation) {
    case Operation::both:
      return evaluate(*node.left, object) && evaluate(*node.right, object);
    case Operation::either:
      return evaluate(*node.left, object) || evaluate(*node.right, object);
    case Operation::negation:
      return !evaluate(*node.left, object);
    default:
      break;
  }
  const nlohmann::ordered_json* field = find(object, node.path);
  return field != nullptr && compare(node, *field);
}

}  // namespace

Filter::Filter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::parse(std::string_view text) { return Filter(TRY(Parser(text).parse())); }

bool Filter::matches(const nlohmann::ordered_json& object) const {
  return evaluate(*root_, object);
}

}  // namespace gala
