package chaos

import (
	"testing"

	"github.com/maskline/maskline/pkg/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
