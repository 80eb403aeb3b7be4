package enrich

// stopwords are the words of a language that no keyphrase begins or ends with:
// articles, pronouns, prepositions, conjunctions, auxiliaries and frequent adverbs.
// The lists are ours. Other languages have none; their short words go by length.
var stopwords = map[string]map[string]bool{
	"en": set(`a about above across after again against all almost alone along already also although always am among an and another any
		anyone anything are around as at be became because become been before being below between both but by came can cannot could
		did do does doing done down during each either else enough etc even ever every few first for from further get give given go
		had has have having he hence her here hers herself him himself his how however i if in indeed instead into is it its itself
		just kept know last least less let like made mainly make many may me might more moreover most mostly much must my myself
		near neither never new next no nobody none nor not nothing now of off often on once one only onto or other others otherwise
		our ours out over own per perhaps put quite rather really same several shall she should show shown shows since so some such
		than that the their theirs them themselves then there therefore these they this those though through thus to together too
		toward towards two under until up upon us use used using very via was we well were what when where whereas whether which
		while who whole whom whose why will with within without would yet you your yours three found suggest suggests respectively
		don't doesn't isn't aren't wasn't can't it's that's there's`),
	"de": set(`aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus außer bei beide beiden beim
		bereits bis bzw da dabei dadurch dafür dagegen daher damit danach daran darauf daraus darf darin darüber das dass davon dazu
		dein dem den denen denn dennoch der deren derer des deshalb dessen die dies diese diesem diesen dieser dieses doch dort du
		durch eben ebenso ein eine einem einen einer eines einige einigen einmal er es etwa etwas euch euer für gegen gemäß gewesen
		ging gibt haben habe hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in indem ins ist
		ja je jede jedem jeden jeder jedes jedoch jetzt kann kein keine keinem keinen keiner können könnte lassen man mehr mein mich
		mir mit muss müssen nach nachdem neben nicht nichts noch nun nur ob oder oft ohne schon sehr sei sein seine seinem seinen
		seiner seit sich sie sind so sobald sofern sogar solche soll sollen sollte sondern sonst soweit sowie statt trotz über um und
		uns unser unter viel viele vielen vom von vor war waren warum was wegen weil weiter welche welcher wenn wer werden wie wieder
		will wir wird wo worden wurde wurden während zu zum zur zwar zwischen`),
	"fr": set(`a afin ai aie ainsi alors après as au aucun aucune aussi autre autres aux avait avant avec avoir beaucoup bien ce ceci cela
		celle celles celui cependant ces cet cette ceux chaque chez comme comment d dans de depuis des dès donc dont du elle elles en
		encore entre est et étaient était été être eu eux fait faire fois font hors ici il ils j je jusqu jusque l la là le les leur
		leurs lors lorsque lui m ma mais me même mêmes mes moins mon n ne ni nos notre nous on ont ou où par parce pas pendant peu
		peut plus plusieurs pour pourquoi pouvoir puis qu quand que quel quelle quelles quels qui quoi s sa sans se selon sera ses si
		sinon soit son sont sous sur t ta tandis te tel telle tes ton tous tout toute toutes très trop tu un une vers voici vos votre
		vous y`),
	"es": set(`a al algo algún alguna algunas algunos ante antes aquel aquella aquellos así aun aún aunque bajo bien cada casi como cómo con
		contra cual cuales cualquier cuando cuanto cuyo de debe del desde donde dos durante e el él ella ellas ellos en entonces entre
		era eran es esa esas ese eso esos esta está están estas este esto estos fue fueron gran ha había hace hacia han hasta hay la
		las le les lo los más me mediante menos mi mientras muy nada ni no nos nosotros o otra otras otro otros para parte pero poco
		por porque pues puede pueden que qué quien se sea según ser será si sí sido siempre sin sino sobre solo sólo son su sus
		también tan tanto te tiene tienen todo toda todas todos tras tu un una unas uno unos usted vez y ya yo`),
	"it": set(`a abbiamo ad agli ai al alla alle allo altri altro anche ancora aveva avere c che chi ci cioè coi col come con contro cosa
		così cui d da dagli dai dal dalla dalle dallo degli dei del della delle dello dentro di dopo dove due e è ed era erano essere
		fa fino fra già gli ha hanno ho i il in infatti io l la le lei li lo loro ma me mentre mi molto ne negli nei nel nella nelle
		nello no noi non nostro o ogni oltre or ora per perché però più poi può prima qual quale quando quanto quelli quello questa
		queste questi questo qui se sempre senza si sia siamo solo sono sopra sotto stata stati stato su sua sue sugli sui sul sulla
		sulle suo suoi tra tu tutti tutto un una uno v vi voi`),
}

// stop reports whether a word in lower case carries no meaning of its own.
func stop(language, w string) bool {
	if list, ok := stopwords[language]; ok && list[w] {
		return true
	}
	if language == "" && stopwords["en"][w] {
		return true
	}
	return letters(w) < 2 || letters(w) < 3 && w[0] < 0x80
}
