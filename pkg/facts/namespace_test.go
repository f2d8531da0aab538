package facts_test

import (
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

func TestNamespace(t *testing.T) {
	t.Parallel()
	for symbol, want := range map[string]string{
		// Functions, members, data.
		"_ZN3c1013MessageLoggerC1EPKciib":     facts.Torch,
		"_ZN2at4_ops4add_6Tensor4callE":       facts.Torch,
		"_ZNK3c1010TensorImpl5sizesEv":        facts.Torch,
		"_ZNKR5torch3jit5ValueE":              facts.Torch,
		"_ZN6caffe28TypeMeta21typeMetaDatasE": facts.Torch,
		"_ZN5arrow6Status2OKEv":               facts.Arrow,
		"_ZN7parquet10FileReaderE":            facts.Arrow,
		"_ZN5torch6stable6TensorE":            facts.TorchStable,
		"_ZN5torch10headeronly4HalfE":         facts.TorchStable,
		"aoti_torch_get_dtype":                facts.TorchStable,
		"torch_call_dispatcher":               facts.TorchStable,
		"THPVariableClass":                    facts.Torch,
		// Special names.
		"_ZTVN3c1010TensorImplE":                      facts.Torch,
		"_ZTIN2at9GeneratorE":                         facts.Torch,
		"_ZTSN5arrow5ArrayE":                          facts.Arrow,
		"_ZThn16_N3c105ErrorD1Ev":                     facts.Torch,
		"_ZTv0_n24_N5torch4ThingD0Ev":                 facts.Torch,
		"_ZTHN3c104impl26raw_local_dispatch_key_setE": facts.Torch,
		"_ZTWN3c104impl26raw_local_dispatch_key_setE": facts.Torch,
		"_ZGVZN2at7contextEvE1x":                      facts.Torch,
		"_ZZN5torch3jit4funcEvE1x":                    facts.Torch,
		// Of std or at file level, about torch.
		"_Z16THPVariable_WrapN2at10TensorBaseE":       facts.Torch,
		"_Z16THPVariable_WrapRKN2at10TensorBaseE":     facts.Torch,
		"_ZNSt6vectorIN2at6TensorESaIS1_EED1Ev":       facts.Torch,
		"_ZlsRSoRKN3c106DeviceE":                      facts.Torch,
		"_ZNKSt8functionIFvRKN5arrow6StatusEEEclES4_": facts.Arrow,
		// Of others.
		"_ZN4vllm5scaleERKN2at6TensorE":     "",
		"_ZN6vision3ops3nmsERKN2at6TensorE": "",
		"_ZN7c10like3fooEv":                 "",
		"_ZN12attribute_2at3fooEv":          "",
		"_Z3addii":                          "",
		"_Z12float2atomicv":                 "",
		"_ZNSt6vectorIiSaIiEED1Ev":          "",
		"malloc":                            "",
		"torchvision":                       "",
		"THP":                               "",
		"THPx":                              "",
		"_Z":                                "",
		"_ZN":                               "",
		"_ZZZZTTTT":                         "",
		"":                                  "",
	} {
		if got := facts.Namespace(symbol); got != want {
			t.Errorf("%s: %q, want %q", symbol, got, want)
		}
	}
}
