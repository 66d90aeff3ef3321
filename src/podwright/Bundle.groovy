package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '311363875afcd7e72f456dc43597110ec17f4b1335c2d781c566c7507ac030ab'
  static final String JOBS_SUM = '1e8008b7a4c9068b81551825f71573729dfcfe6f1cc99d5c8b9125a4350b1d74'

  private static final long serialVersionUID = 1L
}
