// Goal: a reader of the last release understands every message of this tree. Method: each type of
// tests/wire-baseline must still be there, with every field and every enumerator where it was.
#include <flatbuffers/reflection_generated.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace gala {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void compare_objects(const reflection::Object& before, const reflection::Schema& now) {
  const reflection::Object* same = now.objects()->LookupByKey(before.name()->c_str());
  ASSERT_NE(same, nullptr) << before.name()->str() << " is gone";
  for (const reflection::Field* field : *before.fields()) {
    const std::string name = before.name()->str() + "." + field->name()->str();
    const reflection::Field* kept = same->fields()->LookupByKey(field->name()->c_str());
    ASSERT_NE(kept, nullptr) << name << " was removed or renamed; deprecate it instead";
    EXPECT_EQ(kept->id(), field->id()) << name;
    EXPECT_EQ(kept->offset(), field->offset()) << name;
    EXPECT_EQ(kept->type()->base_type(), field->type()->base_type()) << name;
    EXPECT_EQ(kept->type()->element(), field->type()->element()) << name;
    EXPECT_EQ(kept->default_integer(), field->default_integer()) << name;
  }
}

void compare_enumerations(const reflection::Enum& before, const reflection::Schema& now) {
  const reflection::Enum* same = now.enums()->LookupByKey(before.name()->c_str());
  ASSERT_NE(same, nullptr) << before.name()->str() << " is gone";
  for (const reflection::EnumVal* value : *before.values()) {
    const reflection::EnumVal* kept = same->values()->LookupByKey(value->value());
    ASSERT_NE(kept, nullptr) << value->name()->str();
    EXPECT_EQ(kept->name()->str(), value->name()->str()) << before.name()->str();
  }
}

TEST(Conform, KeepsEveryTypeFieldAndEnumeratorOfTheLastRelease) {
  std::size_t compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BASELINE_DIR)) {
    SCOPED_TRACE(entry.path().filename().string());
    const std::string before_bytes = read(entry.path());
    const std::string now_bytes = read(CURRENT_DIR / entry.path().filename());
    ASSERT_FALSE(now_bytes.empty()) << "the schema is gone";
    const reflection::Schema& before = *reflection::GetSchema(before_bytes.data());
    const reflection::Schema& now = *reflection::GetSchema(now_bytes.data());
    EXPECT_EQ(now.file_ident()->str(), before.file_ident()->str());
    for (const reflection::Object* object : *before.objects()) {
      compare_objects(*object, now);
    }
    for (const reflection::Enum* enumeration : *before.enums()) {
      compare_enumerations(*enumeration, now);
    }
    ++compared;
  }
  EXPECT_GT(compared, 0u);
}

}  // namespace
}  // namespace gala
