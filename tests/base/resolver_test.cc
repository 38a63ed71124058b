#include "exporter/base/resolver.h"

#include <gtest/gtest.h>

namespace warden {
namespace {

class SystemResolverTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "glibc starts a look-up's thread behind the thread sanitizer's back";
#endif
  }
};

TEST_F(SystemResolverTest, LooksUpNamesAndAddresses) {
  const SystemClock clock;
  SystemResolver resolver(clock);
  const SteadyTime deadline = clock.Steady() + Seconds(30);
  const auto local = resolver.Resolve("localhost", deadline);
  ASSERT_TRUE(local.ok()) << local.status().message();
  for (const IpAddress& address : *local) {
    const std::string text = FormatIpAddress(address);
    EXPECT_TRUE(text == "127.0.0.1" || text == "::1") << text;
  }
  const auto literal = resolver.Resolve("::1", deadline);
  ASSERT_TRUE(literal.ok());
  EXPECT_EQ(FormatIpAddress(literal->at(0)), "::1");
}

TEST_F(SystemResolverTest, SaysWhichNameItCouldNotFind) {
  const SystemClock clock;
  SystemResolver resolver(clock);
  const auto nobody = resolver.Resolve("no-such-host.invalid", clock.Steady() + Seconds(30));
  ASSERT_FALSE(nobody.ok());
  EXPECT_TRUE(nobody.error().message().starts_with("look up no-such-host.invalid: "));
}

TEST_F(SystemResolverTest, GivesUpAtTheDeadline) {
  const SystemClock clock;
  SystemResolver resolver(clock);
  const auto late = resolver.Resolve("no-such-host.invalid", clock.Steady());
  EXPECT_FALSE(late.ok());
}

}  // namespace
}  // namespace warden
