package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '6ae93cad9ac9fca4713d55f7f7a02ed007437e87f3082755a3c0265ec6083100'
  static final String JOBS_SUM = '1e8008b7a4c9068b81551825f71573729dfcfe6f1cc99d5c8b9125a4350b1d74'

  private static final long serialVersionUID = 1L
}
