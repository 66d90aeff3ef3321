package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '1c1857d5dacbe5f1ead88732673086935b3e2673e6a3ea162406e43f48943d29'
  static final String JOBS_SUM = '1e8008b7a4c9068b81551825f71573729dfcfe6f1cc99d5c8b9125a4350b1d74'

  private static final long serialVersionUID = 1L
}
